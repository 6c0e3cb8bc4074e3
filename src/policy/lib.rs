//! The language of outbound mail policies: from text to a decision.
//!
//! ```text
//! text ── lexer ──▶ tokens ── syntax, parse ──▶ tree ── check ──▶ typed IR ─┬─ interpret ──▶ value
//!                                                                           └─ dag ──▶ DAG, for machine code
//! ```
//!
//! No I/O happens here: what an expression wants to know of the world it asks for by [`lookup::Lookup`].

pub mod ast;
pub mod block;
pub mod builtin;
pub mod check;
pub mod codes;
pub mod constant;
pub mod dag;
pub mod datum;
pub mod decide;
pub mod display;
pub mod facts;
pub mod function;
pub mod interpret;
pub mod ir;
pub mod ir_text;
pub mod lexer;
pub mod limits;
pub mod lookup;
pub mod parse;
pub mod pattern;
pub mod plan;
pub mod quirk;
pub mod scratch;
pub mod setting;
pub mod spelling;
pub mod strategy;
mod syntax;
pub mod target;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod value;
pub mod variable;

pub use block::{Block, BlockText, Outcomes, Rule, RuleText, Wanted};
pub use check::{Compiler, Scope};
pub use constant::Constant;
pub use dag::Dag;
pub use datum::Datum;
pub use decide::{AllAnswers, Decide, Decisions};
pub use facts::{Facts, Row, WrongType};
pub use function::{Edition, Function};
pub use interpret::{Decision, EvalError, Stop};
pub use ir::{ExprId, Ir, NamedList, Op, Type};
pub use lookup::{Answers, DnsType, Lookup, LookupFailed, World};
pub use plan::{Choice, Chosen, Decided, Instead, Otherwise, Plan, RuleId, StrategyId, taken};
pub use quirk::{Behaviour, Quirk};
pub use scratch::Scratch;
pub use setting::{Given, Ruled, Setting};
pub use strategy::Strategies;
pub use target::{Kind, Target};
pub use value::Value;
pub use variable::{Column, Variable, VariableSet};
