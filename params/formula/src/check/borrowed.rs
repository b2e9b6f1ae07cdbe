//! Functions of spreadsheets and other languages that have an equivalent here: `IF(c, a, b)` is `c
//! ? a : b`. The advice shows the call in our language, with its own arguments.

use super::Checker;
use super::calls::is_known;
use crate::diagnostic::Span;
use crate::syntax::{Operator, Syntax, SyntaxKind};

/// The longest advice; a longer text would not help.
const MAX_SHOWN: usize = 160;

impl Checker<'_> {
    /// The equivalent of this call, if there is one without faults here.
    pub(super) fn in_our_words(
        &mut self,
        function: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
        span: Span,
    ) -> Option<String> {
        let same = translated(function, target, args, span)?;
        let source = self.declarations.text(self.text);
        let shown = same.in_place(source, span);
        let fits = shown.len() <= MAX_SHOWN && self.tried(&same)?.is_empty();
        fits.then_some(shown)
    }
}

/// The same, with every call in it in our language if its equivalent is known.
fn ours(syntax: &Syntax) -> Syntax {
    let all = |parts: &[Syntax]| parts.iter().map(ours).collect::<Vec<_>>();
    let kind = match &syntax.kind {
        SyntaxKind::Call {
            function,
            at,
            target,
            args,
        } => match translated(function, target.as_deref(), args, syntax.span) {
            Some(same) => return same,
            None => SyntaxKind::Call {
                function: function.clone(),
                at: *at,
                target: target.as_ref().map(|target| Box::new(ours(target))),
                args: all(args),
            },
        },
        SyntaxKind::Operator(operator, parts) => {
            return Syntax::operator(*operator, all(parts), syntax.span);
        }
        kind => kind.clone(),
    };
    Syntax::made(kind, syntax.span)
}

fn translated(
    function: &str,
    target: Option<&Syntax>,
    args: &[Syntax],
    span: Span,
) -> Option<Syntax> {
    use Operator::{
        Add, And, Conditional, GreaterOrEqual, LessOrEqual, Multiply, Not, NotEqual, Or, Remainder,
    };
    let small = function.to_ascii_lowercase();
    if let Some(list) = target {
        let name = match small.as_str() {
            "every" => "all",
            "some" | "any" => "exists",
            "where" => "filter",
            "select" => "map",
            "count" | "length" | "len" => "size",
            known if known != function && is_known(known) => known,
            _ => return None,
        };
        let kind = SyntaxKind::Call {
            function: name.to_owned(),
            at: span,
            target: Some(Box::new(ours(list))),
            args: args.iter().map(ours).collect(),
        };
        return Some(Syntax::made(kind, span));
    }
    let args: Vec<Syntax> = args.iter().map(ours).collect();
    let operator = |operator, args: Vec<Syntax>| Some(Syntax::operator(operator, args, span));
    let in_turn = |operator, args: Vec<Syntax>| {
        let join = |a, b| Syntax::operator(operator, vec![a, b], span);
        args.into_iter().reduce(join)
    };
    let whole = |of: &Syntax| match &of.kind {
        SyntaxKind::Number(number) => number.at(0),
        _ => None,
    };
    match (small.as_str(), args.as_slice()) {
        ("if" | "iif", [_, _, _]) => operator(Conditional, args),
        ("min" | "math.min" | "least", [_, _, ..]) => Some(Syntax::call("math.least", args, span)),
        ("max" | "math.max" | "greatest", [_, _, ..]) => {
            Some(Syntax::call("math.greatest", args, span))
        }
        ("mod" | "math.mod", [_, _]) => operator(Remainder, args),
        ("and", [_, _, ..]) => operator(And, args),
        ("or", [_, _, ..]) => operator(Or, args),
        ("not", [_]) => operator(Not, args),
        ("xor", [_, _]) => operator(NotEqual, args),
        ("between", [x, low, high]) => {
            let low = Syntax::operator(GreaterOrEqual, vec![x.clone(), low.clone()], span);
            let high = Syntax::operator(LessOrEqual, vec![x.clone(), high.clone()], span);
            operator(And, vec![low, high])
        }
        ("sum", [_, _, ..]) => in_turn(Add, args),
        ("product", [_, _, ..]) => in_turn(Multiply, args),
        ("power" | "pow" | "math.pow", [x, times]) => match whole(times) {
            Some(times @ 2..=4) => {
                let times = usize::try_from(times).unwrap_or(2);
                in_turn(Multiply, vec![x.clone(); times])
            }
            _ => None,
        },
        ("round", [x, digits]) if whole(digits) == Some(0) => {
            Some(Syntax::call("math.round", vec![x.clone()], span))
        }
        // Numbers are of one kind.
        ("double" | "decimal" | "float" | "dyn", [x]) => Some(x.clone()),
        ("ceiling", [_]) => Some(Syntax::call("math.ceil", args, span)),
        (known, _) if known != function && is_known(known) => Some(Syntax::call(known, args, span)),
        (known, [_]) if is_known(&format!("math.{known}")) => {
            Some(Syntax::call(&format!("math.{known}"), args, span))
        }
        _ => None,
    }
}
