//! Rule files: TOML, with conditions in CEL.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use cel::common::ast::{Expr, LiteralValue, operators};
use cel::{Context, Env, Program, Value};
use merits_ledger::entry::{MAX_RULE_ID_BYTES, is_rule_id};
use merits_primitives::ids::sha256;
use merits_text::display::check_line;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::subject::SubjectKind;

/// Longest rule file. The default one has 5 kB.
pub const MAX_RULE_FILE_BYTES: usize = 65_536;

/// Most rules of a file: each is evaluated for each subject and window.
const MAX_RULES: usize = 128;

/// Longest expression. Conditions in use have under 120 bytes; the crate `cel` takes a depth of 96. Expressions have no
/// loops ([`check_bounded`]), so this bounds what one evaluation costs.
const MAX_EXPRESSION_BYTES: usize = 1_000;

/// Longest window: a year.
const MAX_WINDOW_HOURS: u32 = 8_784;

/// Longest words of a rule.
const MAX_WORDS_BYTES: usize = 400;

/// CEL's operators. They are made once, because a long log has many evaluations.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// How much a finding matters. Only people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Somebody must look at it.
    Warning,
    /// Somebody must act.
    Critical,
}

impl Severity {
    /// `notice`, `warning` or `critical`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Why a rule file is refused, or a rule cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The file is too long.
    #[error(
        "the rule file has {found} bytes; at most {MAX_RULE_FILE_BYTES} are allowed: drop rules"
    )]
    FileTooLong {
        /// Its bytes.
        found: usize,
    },
    /// Not a rule file.
    #[error("the rule file is not read: {0}")]
    Toml(String),
    /// No rules, or too many.
    #[error("the rule file has {found} rules; it must have 1 to {MAX_RULES}")]
    RuleCount {
        /// How many.
        found: usize,
    },
    /// A field of a rule.
    #[error("rule {rule:?}, {field}: {why}")]
    Field {
        /// The rule's id.
        rule: String,
        /// The field.
        field: &'static str,
        /// What is wrong, and what to write.
        why: String,
    },
    /// An expression that is no CEL.
    #[error("rule {rule:?}, {field}, line {line} column {column}: {why}; correct the expression")]
    Syntax {
        /// The rule's id.
        rule: String,
        /// The field.
        field: &'static str,
        /// Line in the expression, from 1.
        line: isize,
        /// Column in the line, from 0.
        column: isize,
        /// The parser's words.
        why: String,
    },
    /// An expression with a name that the subject does not have.
    #[error("rule {rule:?}, {field}: `{name}` is no figure of a {subject}; there are {known}")]
    UnknownName {
        /// The rule's id.
        rule: String,
        /// The field.
        field: &'static str,
        /// The name.
        name: String,
        /// The rule's kind of subject.
        subject: &'static str,
        /// What there is.
        known: String,
    },
    /// An expression failed.
    #[error(
        "rule {rule:?}, {field}: {why}; numbers have 64 bits and are whole: divide before you multiply, never by 0, \
         and write no decimals"
    )]
    Evaluation {
        /// The rule's id.
        rule: String,
        /// The field.
        field: &'static str,
        /// The evaluator's words.
        why: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    rule: Vec<WrittenRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    id: String,
    words: String,
    severity: Severity,
    subject: SubjectKind,
    window_hours: u32,
    value: String,
    threshold: String,
    when: String,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id: small letters, digits and hyphens.
    pub id: String,
    /// What it means, for people.
    pub words: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: SubjectKind,
    /// Length of its windows.
    pub window_hours: u32,
    value: Program,
    threshold: Program,
    when: Program,
}

/// The value and threshold of a rule that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) value: u64,
    pub(crate) threshold: u64,
}

/// A checked rule file.
#[derive(Debug)]
pub struct RuleFile {
    /// The rules, in the file's order.
    pub rules: Vec<Rule>,
    /// SHA-256 of the file's bytes: what alerts name.
    pub digest: [u8; 32],
}

impl RuleFile {
    /// Reads and checks a rule file. Every rule is also evaluated once on a subject of which the log shows nothing.
    ///
    /// # Errors
    /// [`RuleError`] names rule and place.
    pub fn read(text: &str) -> Result<Self, RuleError> {
        if text.len() > MAX_RULE_FILE_BYTES {
            return Err(RuleError::FileTooLong { found: text.len() });
        }
        let written: WrittenFile =
            toml::from_str(text).map_err(|error| RuleError::Toml(error.to_string()))?;
        let found = written.rule.len();
        if found == 0 || found > MAX_RULES {
            return Err(RuleError::RuleCount { found });
        }
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(found);
        for written in written.rule {
            if !ids.insert(written.id.clone()) {
                return Err(field(
                    &written.id,
                    "id",
                    "another rule has it: choose one that is new",
                ));
            }
            let rule = Rule::check(written)?;
            let nothing = rule.subject.names().map(|name| (name, 0)).collect();
            rule.evaluate(&nothing)?;
            rules.push(rule);
        }
        let digest = sha256(text.as_bytes());
        Ok(Self { rules, digest })
    }

    /// The rule with this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}

impl Rule {
    fn check(written: WrittenRule) -> Result<Self, RuleError> {
        let id = &written.id;
        if !is_rule_id(id) {
            let why = format!("write 1 to {MAX_RULE_ID_BYTES} small letters, digits and hyphens");
            return Err(field(id, "id", why));
        }
        if written.words.is_empty() || written.words.len() > MAX_WORDS_BYTES {
            let why = format!("say in 1 to {MAX_WORDS_BYTES} bytes what it means");
            return Err(field(id, "words", why));
        }
        check_line(&written.words).map_err(|fault| field(id, "words", fault.to_string()))?;
        if written.window_hours == 0 || written.window_hours > MAX_WINDOW_HOURS {
            let why = format!("must be 1 to {MAX_WINDOW_HOURS}");
            return Err(field(id, "window_hours", why));
        }
        let names: BTreeSet<String> = written.subject.names().collect();
        let mut of_condition = names.clone();
        of_condition.extend(["value", "threshold"].map(str::to_owned));
        let compiled = |of, source: &str, names| compile((id, of), written.subject, source, names);
        Ok(Self {
            value: compiled("value", &written.value, &names)?,
            threshold: compiled("threshold", &written.threshold, &names)?,
            when: compiled("when", &written.when, &of_condition)?,
            words: written.words,
            severity: written.severity,
            subject: written.subject,
            window_hours: written.window_hours,
            id: written.id,
        })
    }

    /// Evaluates the rule; `None` if it does not hold.
    ///
    /// # Errors
    /// [`RuleError::Evaluation`].
    pub(crate) fn evaluate(
        &self,
        figures: &BTreeMap<String, i64>,
    ) -> Result<Option<Measured>, RuleError> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, figure) in figures {
            context.add_variable_from_value(name.as_str(), *figure);
        }
        let value = self.number("value", &self.value, &context)?;
        let threshold = self.number("threshold", &self.threshold, &context)?;
        context.add_variable_from_value("value", value);
        context.add_variable_from_value("threshold", threshold);
        let holds = match self.when.execute(&context) {
            Ok(Value::Bool(holds)) => holds,
            Ok(other) => {
                let why = format!("gives {} where a bool is needed", other.type_of());
                return Err(self.fails("when", why));
            }
            Err(error) => return Err(self.fails("when", error.to_string())),
        };
        // Both were checked to be 0 at least.
        Ok(holds.then_some(Measured {
            value: value.unsigned_abs(),
            threshold: threshold.unsigned_abs(),
        }))
    }

    fn number(
        &self,
        of: &'static str,
        program: &Program,
        context: &Context<'_, '_>,
    ) -> Result<i64, RuleError> {
        match program.execute(context) {
            Ok(Value::Int(number)) if number >= 0 => Ok(number),
            Ok(Value::Int(number)) => {
                Err(self.fails(of, format!("gives {number} and must be 0 or more")))
            }
            Ok(other) => {
                let why = format!("gives {} where an int is needed", other.type_of());
                Err(self.fails(of, why))
            }
            Err(error) => Err(self.fails(of, error.to_string())),
        }
    }

    fn fails(&self, field: &'static str, why: String) -> RuleError {
        let rule = self.id.clone();
        RuleError::Evaluation { rule, field, why }
    }
}

fn field(rule: &str, field: &'static str, why: impl Into<String>) -> RuleError {
    RuleError::Field {
        rule: rule.to_owned(),
        field,
        why: why.into(),
    }
}

fn compile(
    (rule, of): (&str, &'static str),
    subject: SubjectKind,
    source: &str,
    names: &BTreeSet<String>,
) -> Result<Program, RuleError> {
    if source.len() > MAX_EXPRESSION_BYTES {
        let why = format!(
            "has {} bytes; at most {MAX_EXPRESSION_BYTES} are allowed",
            source.len()
        );
        return Err(field(rule, of, why));
    }
    let program = Program::compile(source).map_err(|errors| {
        let first = errors.errors.first();
        let (line, column) = first.map_or((1, 0), |error| error.pos);
        RuleError::Syntax {
            rule: rule.to_owned(),
            field: of,
            line,
            column,
            why: first.map_or_else(|| "no expression".to_owned(), |error| error.msg.clone()),
        }
    })?;
    check_bounded(&program.expression().expr).map_err(|found| {
        let why = format!(
            "has {found}; write whole numbers, true, false, figures, parentheses, and the operators \
             + - * / % == != < <= > >= && || ! ?:"
        );
        field(rule, of, why)
    })?;
    let references = program.references();
    let mut used = references.variables();
    used.sort_unstable();
    if let Some(name) = used.into_iter().find(|name| !names.contains(*name)) {
        return Err(RuleError::UnknownName {
            rule: rule.to_owned(),
            field: of,
            name: name.to_owned(),
            subject: subject.name(),
            known: names.iter().cloned().collect::<Vec<_>>().join(", "),
        });
    }
    Ok(program)
}

/// The operators of rules: each costs a bounded amount of work, and gives a number or a truth value.
const OPERATORS: [&str; 16] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
];

/// Refuses everything of CEL that rules do not need, and says what was found. Macros such as `all` and `map` are loops: a
/// few of them inside each other run for years. Texts, lists, maps and functions would let values grow.
fn check_bounded(expression: &Expr) -> Result<(), String> {
    match expression {
        Expr::Ident(_) | Expr::Literal(LiteralValue::Boolean(_) | LiteralValue::Int(_)) => Ok(()),
        Expr::Call(call) => {
            let operator = OPERATORS.contains(&call.func_name.as_str());
            if !operator || call.target.is_some() {
                return Err(format!("the function `{}`", call.func_name));
            }
            let mut arguments = call.args.iter();
            arguments.try_for_each(|argument| check_bounded(&argument.expr))
        }
        Expr::Literal(LiteralValue::Double(_)) => Err("a decimal".to_owned()),
        Expr::Literal(LiteralValue::UInt(_)) => Err("a number with `u`".to_owned()),
        Expr::Literal(LiteralValue::String(_) | LiteralValue::Bytes(_)) => Err("a text".to_owned()),
        Expr::Literal(LiteralValue::Null) => Err("`null`".to_owned()),
        Expr::Comprehension(_) => Err("a loop".to_owned()),
        Expr::List(_) => Err("a list".to_owned()),
        Expr::Map(_) | Expr::Struct(_) => Err("a map".to_owned()),
        Expr::Select(select) => Err(format!("the field `.{}`", select.field)),
        Expr::Unspecified => Err("no expression".to_owned()),
    }
}
