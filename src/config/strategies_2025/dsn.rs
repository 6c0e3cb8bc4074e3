//! `report.dsn.*` and `report.submitter`: who sends the reports about deliveries.
//!
//! All of these are expressions. One that always gives the same text is given as that text.
//!
//! Source: delivery spec 1.10.

use base::Diagnostic;
use document::Node;
use policy::{Block, Op, Scope, Value, Variable, VariableSet, Wanted};

use crate::{
    codes,
    read::Context,
    settings::{Dsn, Placed, Sensitive, Setting},
};

const KEYS: [&str; 3] = ["from-name", "from-address", "sign"];

/// `report.submitter`, which knows the domain that a report is about.
const SUBMITTER: Scope = Scope {
    variables: VariableSet::of(&[Variable::RcptDomain]),
    all_set: true,
    setting: "the name of the reporting server",
};

/// `report.dsn.*` and `report.submitter`
pub(super) fn read(context: &mut Context<'_>, tree: &Node<'_>) -> Dsn {
    let mut dsn = Dsn::default();
    if let Some(node) = tree.get_path("report.submitter") {
        dsn.submitter = text(context, node, "report.submitter", SUBMITTER);
    }
    let Some(node) = tree.get_path("report.dsn") else {
        return dsn;
    };
    let Some(table) = super::table(context, node, "report.dsn") else {
        return dsn;
    };
    context.known_keys(table, &KEYS, "report.dsn");
    if let Some(node) = table.get("from-name") {
        dsn.from_name = text(context, node, "report.dsn.from-name", Scope::DSN);
    }
    if let Some(node) = table.get("from-address") {
        dsn.from_address = text(context, node, "report.dsn.from-address", Scope::DSN);
    }
    if let Some(node) = table.get("sign") {
        dsn.sign = signatures(context, node);
    }
    dsn
}

fn text(context: &mut Context<'_>, node: &Node<'_>, setting: &str, scope: Scope) -> Setting<Sensitive> {
    let Ok(block) = context.block(node, setting, scope, Wanted::Value) else {
        return Setting::Default;
    };
    match block.as_constant() {
        Some(Value::Text(text)) => Setting::Given(Placed::new(context.made_of(node, text.to_string()), node.range)),
        _ => Setting::Chosen(Box::new(block)),
    }
}

/// `report.dsn.sign`: an expression that gives the names of signatures, `false` for none.
fn signatures(context: &mut Context<'_>, node: &Node<'_>) -> Setting<Vec<Sensitive>> {
    const SETTING: &str = "report.dsn.sign";
    let plain = node.as_list().unwrap_or_default();
    if let Some(first) = plain.iter().find(|node| node.scalar_text().is_some()) {
        context.report(
            Diagnostic::new(&codes::WRONG_KIND, first.range, format!("`{SETTING}` is a list, not an expression"))
                .help("write the list within the expression: `sign = \"['rsa', 'ed25519']\"`"),
        );
        return Setting::Default;
    }
    let Ok(block) = context.block(node, SETTING, Scope::DSN, Wanted::Value) else {
        return Setting::Default;
    };
    match constant_texts(&block) {
        Some(texts) => {
            let names = texts.into_iter().map(|text| context.made_of(node, text));
            Setting::Given(Placed::new(names.collect(), node.range))
        }
        None => Setting::Chosen(Box::new(block)),
    }
}

/// The texts that `block` always gives: a literal one, or an array of literal ones; none for `false`.
fn constant_texts(block: &Block) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    match block.as_constant() {
        Some(Value::Int(0)) => return Some(Vec::new()),
        Some(Value::List(values)) => return values.iter().map(text).collect(),
        Some(value) => return text(value).map(|text| vec![text]),
        None => {}
    }
    let Op::List(items) = &block.ir().get(block.otherwise()).op else {
        return None;
    };
    if !block.rules().is_empty() {
        return None;
    }
    let literal = |id| match &block.ir().get(id).op {
        Op::Literal(value) => text(value),
        _ => None,
    };
    items.iter().map(|id| literal(*id)).collect()
}
