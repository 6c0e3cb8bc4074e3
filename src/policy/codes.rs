//! The findings of this floor. Each doc comment is the page that explains the code.

base::codes! {
    /// A character stands where no expression has one: `;`, `#`, `%`, a curly quote, a blank that is not a space,
    /// tab or line break.
    ///
    /// Comments do not exist within an expression; strings are quoted by `'` or `"`.
    UNEXPECTED_CHARACTER = "P0101" "unexpected-character" Error;
    /// A string begins and never ends.
    ///
    /// A backslash keeps the quote behind it from ending the string, and so does a run of backslashes: a string
    /// cannot end in one.
    UNTERMINATED_STRING = "P0102" "unterminated-string" Error;
    /// A name is none of the language's variables, constants or functions.
    ///
    /// Names are compared letter by letter, in lower case. The name of a strategy is a string and stands in quotes
    /// of its own: `then = "'relay'"`.
    UNKNOWN_IDENTIFIER = "P0103" "unknown-identifier" Error;
    /// An operator lacks the value on one of its sides.
    ///
    /// The reference takes a missing value for the empty string, so that `retry_num > ` is always false.
    MISSING_OPERAND = "P0104" "missing-operand" Error;
    /// Two values stand next to each other without an operator or a comma.
    ///
    /// The reference keeps the last one and drops the others.
    MISSING_OPERATOR = "P0105" "missing-operator" Error;
    /// A bracket is closed that was not opened, or the other way round.
    UNBALANCED_BRACKET = "P0106" "unbalanced-bracket" Error;
    /// A comma stands where nothing is listed, or two stand together.
    ///
    /// Commas separate the arguments of a function and the elements of an array.
    STRAY_COMMA = "P0107" "stray-comma" Error;
    /// An expression, or a pair of parentheses, holds nothing.
    EMPTY_EXPRESSION = "P0108" "empty-expression" Error;
    /// A comparison is written with a single `=`.
    ///
    /// With a blank behind it the reference reads it as `==`. Without one it takes the next character for a part of
    /// the operator: `retry_num=1` compares with nothing and `retry_num=12` with 2.
    SINGLE_EQUALS = "P0109" "single-equals" Error;
    /// Signs stand together that are no operator: `===`, `<>`, `!==`, `>>`.
    UNKNOWN_OPERATOR = "P0110" "unknown-operator" Error;
    /// What begins like a number is none: a fraction of a duration, two units, an exponent, more than 63 bits.
    ///
    /// A duration is a whole number and one of `d h m s ms`.
    BAD_NUMBER = "P0111" "bad-number" Error;
    /// Two signs stand before a value: `--1`, `!-1`.
    ///
    /// The reference reads the second as a subtraction from nothing.
    DOUBLE_SIGN = "P0112" "double-sign" Error;
    /// A literal is indexed: `'abc'[0]`.
    ///
    /// The reference reads a second array there and drops the first value.
    LITERAL_INDEX = "P0113" "literal-index" Error;
    /// A `}` stands in an expression.
    ///
    /// The reference ends the expression there and drops the rest.
    CLOSING_BRACE = "P0114" "closing-brace" Error;
    /// An expression is longer than 64 KiB.
    EXPRESSION_TOO_LONG = "P0115" "expression-too-long" Error;
    /// Brackets, calls and signs stand more than 64 deep within one another.
    NESTING_TOO_DEEP = "P0116" "nesting-too-deep" Error;
    /// The text is no expression, and none of the other findings says why.
    SYNTAX = "P0117" "syntax" Error;
    /// A comma stands before a closing bracket.
    TRAILING_COMMA = "P0118" "trailing-comma" Warning;
    /// An operator is written in a way that only this family of servers reads: `=>`, `=<`.
    OPERATOR_ALIAS = "P0119" "operator-alias" Note;
    /// A backslash in a string does not do what it looks like.
    ///
    /// The backslash stays in the string: `'\n'` is a backslash and a line break, `'\\n'` two backslashes and a line
    /// break.
    STRING_ESCAPE = "P0120" "string-escape" Warning;

    /// A function is called that the language does not have.
    UNKNOWN_FUNCTION = "P0201" "unknown-function" Error;
    /// A function is called with too many or too few arguments.
    FUNCTION_ARITY = "P0202" "function-arity" Error;
    /// A variable is known, but has no value where this setting is evaluated.
    ///
    /// `mx`, `remote_ip` and `local_ip` exist only once a host is being tried: in the connection and TLS strategies
    /// and in limiters and quotas.
    VARIABLE_NOT_AVAILABLE = "P0203" "variable-not-available" Error;
    /// A `$name` is used. Globals are set by Sieve scripts; in the queue each one is 0.
    UNKNOWN_GLOBAL = "P0204" "unknown-global" Error;
    /// `matches`, `system`, `metric` and `config_get` take a literal string first.
    LITERAL_ARGUMENT = "P0205" "literal-argument" Error;
    /// A regular expression cannot be read.
    ///
    /// Look-around and back-references do not exist: matching takes time in proportion to the text.
    REGEX_INVALID = "P0206" "regex-invalid" Error;
    /// A regular expression is too large: more than 4 KiB of text, or more than 1 MiB when compiled, or the
    /// document's expressions are too much work together.
    REGEX_TOO_LARGE = "P0207" "regex-too-large" Error;
    /// A store is named that is not defined.
    ///
    /// Before 2026 the reference takes the default store instead, later every call gives the empty string.
    UNKNOWN_STORE = "P0208" "unknown-store" Error;
    /// A literal option of a function is none that it knows: the algorithm of `hash`, the type of `dns_query`, the
    /// part of `email_part`, the name in `system` or `metric`.
    ///
    /// The reference gives the empty string.
    UNKNOWN_OPTION = "P0209" "unknown-option" Error;
    /// A function or constant belongs to another version of the server.
    DIALECT_MISMATCH = "P0210" "dialect-mismatch" Error;
    /// An array has more than 4,096 elements.
    LIST_TOO_LONG = "P0211" "list-too-long" Error;
    /// A bare word stands where the name of a strategy is meant.
    ///
    /// The value of `then` and `else` is an expression: the name of a strategy is a string in it and needs quotes of
    /// its own, as in `then = "'relay'"`.
    UNQUOTED_STRING = "P0212" "unquoted-string" Error;
    /// A constant is compared by order. The reference's answer depends on the side it stands on.
    CONSTANT_ORDER = "P0213" "constant-order" Error;
    /// A comparison with a constant can never hold: a constant equals only itself.
    CONSTANT_COMPARISON = "P0214" "constant-comparison" Warning;

    /// A duration is compared with a number of seconds.
    ///
    /// `queue_age` and `expires_in` count seconds; a duration such as `1h` is a number of milliseconds, so that
    /// `queue_age > 1h` holds after 41 days.
    DURATION_UNIT = "P0215" "duration-unit" Warning;
    /// A text is compared with a number: a text that is no number counts as 0.
    ///
    /// `last_error == 0` is always true.
    TEXT_NUMBER_COMPARISON = "P0216" "text-number-comparison" Warning;
    /// `||` is used to give a default. It gives its left side only where that is true, and else 1 or 0, never its right
    /// side.
    ///
    /// Write `if_then(is_empty(x), 'default', x)`.
    OR_AS_DEFAULT = "P0217" "or-as-default" Warning;
    /// A literal is taken for a number that it is not: a text in arithmetic or as an index counts as 0.
    ODD_COERCION = "P0218" "odd-coercion" Warning;
    /// A literal text stands alone among conditions: it is true unless it is empty, whatever the message is.
    ///
    /// `rcpt == 'a' || 'b'` is always true. Write `rcpt == 'a' || rcpt == 'b'`.
    CONSTANT_CONDITION = "P0219" "constant-condition" Warning;

    /// A strategy's expression gives a value that is not a string.
    ///
    /// The reference then uses the name `default`, which for a route usually does not exist and means delivery by MX.
    NON_STRING_RESULT = "P0301" "non-string-result" Error;
    /// A block has more than 100,000 rules.
    TOO_MANY_RULES = "P0302" "too-many-rules" Error;

    /// The text of an IR file cannot be read.
    IR_SYNTAX = "P0401" "ir-syntax" Error;
    /// An IR text names something that does not exist, or gives an operation the wrong number of operands.
    IR_OPERATION = "P0402" "ir-operation" Error;
}
