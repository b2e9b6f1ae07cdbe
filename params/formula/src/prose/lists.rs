//! Lists in words, and values that are computed from them.

use super::{Hold, Named, Words, Writer, held};
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::Type;

impl Writer<'_> {
    /// A list of records or groups: `the trips with distance above 0 m, grouped by day`.
    pub(super) fn list(&mut self, syntax: &Syntax) -> Words {
        let phrase = |text: String| Words(text, Hold::Phrase);
        match &syntax.kind {
            SyntaxKind::Name(name) => match self.named(name) {
                Some(Named::Group) => phrase("its records".into()),
                _ if *name == self.typed.schema().list => phrase(format!("the {name}")),
                _ => phrase(name.clone()),
            },
            SyntaxKind::Call {
                function,
                target,
                args,
                ..
            } => match (function.as_str(), target.as_deref(), args.as_slice()) {
                ("filter", Some(list), [name, body]) => {
                    let named = self.element(list);
                    let of = self.list(list);
                    let body = self.with(name, named, |writer| writer.condition(body));
                    let with = match (named, &of.1) {
                        (Named::Group, _) => ", of these the groups with",
                        (_, Hold::Phrase) => " with",
                        _ => ", of these those with",
                    };
                    Words(
                        format!("{}{with} {}", of.0, held(body, Hold::Or)),
                        Hold::Clauses,
                    )
                }
                ("groups", Some(list), [name, key]) | ("groups", None, [list, name, key]) => {
                    self.grouped(list, name, key)
                }
                ("groups", None, [list, key]) => self.grouped(list, list, key),
                _ => self.numbers(syntax),
            },
            _ => self.number(syntax),
        }
    }

    fn grouped(&mut self, list: &Syntax, name: &Syntax, key: &Syntax) -> Words {
        let of = self.list(list).0;
        let key = self.with(name, Named::Record, |writer| writer.any(key));
        Words(
            format!("{of}, grouped by {}", held(key, Hold::Sum)),
            Hold::Clauses,
        )
    }

    /// A list in a few words.
    pub(super) fn elements(&mut self, list: &Syntax) -> String {
        let words = match self.is_numbers(list) {
            true => self.numbers(list),
            false => self.list(list),
        };
        held(words, Hold::Phrase)
    }

    /// The words for one element of a list.
    pub(super) fn element(&self, list: &Syntax) -> Named {
        if self.is_numbers(list) {
            Named::Number
        } else if self.is_groups(list) {
            Named::Group
        } else {
            Named::Record
        }
    }

    fn is_numbers(&self, list: &Syntax) -> bool {
        match (&list.kind, self.type_at(list)) {
            (_, Some(ty)) => matches!(ty, Type::Numbers { .. }),
            (SyntaxKind::Name(name), None) => {
                self.step_is(name, |ty| matches!(ty, Type::Numbers { .. }))
            }
            (
                SyntaxKind::Call {
                    function, target, ..
                },
                None,
            ) => match function.as_str() {
                "map" | "pairs" => true,
                "filter" => target.as_deref().is_some_and(|list| self.is_numbers(list)),
                _ => false,
            },
            _ => false,
        }
    }

    fn is_groups(&self, list: &Syntax) -> bool {
        match (&list.kind, self.type_at(list)) {
            (_, Some(ty)) => matches!(ty, Type::Groups { .. }),
            (SyntaxKind::Name(name), None) => {
                self.step_is(name, |ty| matches!(ty, Type::Groups { .. }))
            }
            (
                SyntaxKind::Call {
                    function, target, ..
                },
                None,
            ) => match function.as_str() {
                "groups" => true,
                "filter" => target.as_deref().is_some_and(|list| self.is_groups(list)),
                _ => false,
            },
            _ => false,
        }
    }

    fn step_is(&self, name: &str, is: impl Fn(&Type) -> bool) -> bool {
        let steps = &self.typed.declarations().steps;
        let at = steps.iter().position(|step| step.name == name);
        let node = at.and_then(|at| self.typed.steps.get(at));
        node.is_some_and(|node| is(&self.typed.node(*node).ty))
    }

    /// A list of numbers.
    pub(super) fn numbers(&mut self, syntax: &Syntax) -> Words {
        match &syntax.kind {
            SyntaxKind::Name(name) => Words(name.clone(), Hold::Phrase),
            SyntaxKind::Call {
                function,
                target: Some(list),
                args,
                ..
            } => match (function.as_str(), args.as_slice()) {
                ("map", [name, body]) => {
                    let (named, of) = (self.element(list), self.elements(list));
                    let body = self.with(name, named, |writer| writer.number(body));
                    let each = match named {
                        Named::Group => "for each group of",
                        Named::Number => "for each of the numbers",
                        _ => "for each of",
                    };
                    Words(format!("{each} {of}: {}", body.0), Hold::Clauses)
                }
                ("filter", [name, body]) => {
                    let of = held(self.numbers(list), Hold::Phrase);
                    let body = self.with(name, Named::Number, |writer| writer.condition(body));
                    Words(format!("those of {of} with {}", body.0), Hold::Clauses)
                }
                ("pairs", [earlier, later, body]) => {
                    let of = self.list(list).0;
                    let body = self.with(earlier, Named::Earlier, |writer| {
                        writer.with(later, Named::Later, |writer| writer.number(body))
                    });
                    Words(
                        format!("for each two of {of} that follow each other: {}", body.0),
                        Hold::Clauses,
                    )
                }
                _ => self.list(syntax),
            },
            _ => self.number(syntax),
        }
    }

    /// A number made of a list; with a paragraph of its own unless it is a short phrase.
    pub(super) fn aggregate(
        &mut self,
        syntax: &Syntax,
        function: &str,
        target: Option<&Syntax>,
        args: &[Syntax],
    ) -> Words {
        let (list, otherwise) = match (target, args) {
            (Some(list), []) | (None, [list]) => (list, None),
            (Some(list), [otherwise]) => (list, Some(otherwise)),
            _ => return self.condition(syntax),
        };
        let otherwise = otherwise.map(|number| self.number(number).0);
        let otherwise = otherwise.map_or_else(String::new, |text| format!(", or {text} for none"));
        if function == "size" {
            let of = match self.is_numbers(list) {
                true => self.numbers(list),
                false => self.list(list),
            };
            return self.whole(syntax, format!("the number of {}", of.0), of.1);
        }
        let what = match function {
            "sum" => "the sum",
            "min" => "the least",
            _ => "the greatest",
        };
        if let SyntaxKind::Call {
            function,
            target: Some(of),
            args,
            ..
        } = &list.kind
            && let ("map", [name, body]) = (function.as_str(), args.as_slice())
        {
            let named = self.element(of);
            let body = self.with(name, named, |writer| writer.number(body));
            // Of a group's own records, or of all: one phrase.
            let plain = matches!(&of.kind, SyntaxKind::Name(_)) && named == Named::Record;
            let elements = match named {
                Named::Number => self.numbers(of),
                _ => self.list(of),
            };
            if plain && body.1 >= Hold::Sum {
                let text = format!(
                    "{what} of {} of {}{otherwise}",
                    held(body, Hold::Product),
                    elements.0
                );
                return Words(
                    text,
                    if otherwise.is_empty() {
                        Hold::Phrase
                    } else {
                        Hold::Clauses
                    },
                );
            }
            let each = match named {
                Named::Group => "of each group",
                Named::Number => "of each number",
                _ => "of each",
            };
            let text = format!(
                "{}; {each}: {}; {what} of that{otherwise}",
                elements.0, body.0
            );
            return self.whole(syntax, text, Hold::Clauses);
        }
        let numbers = self.numbers(list);
        let hold = numbers.1;
        let text = match hold {
            Hold::Clauses => format!("{}; {what} of that{otherwise}", numbers.0),
            _ => format!("{what} of {}{otherwise}", numbers.0),
        };
        self.whole(syntax, text, hold)
    }

    /// A part, by its number if it has clauses and is about a whole claim; otherwise in full.
    fn whole(&mut self, syntax: &Syntax, text: String, hold: Hold) -> Words {
        if hold == Hold::Phrase {
            return Words(text, Hold::Phrase);
        }
        if self.scope.is_empty() {
            return self.part(syntax, text);
        }
        Words(text, Hold::Clauses)
    }
}
