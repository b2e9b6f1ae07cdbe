//! Names the field of a call in which a byte lies, by the descriptors of the gRPC interface.

use std::{collections::HashMap, ops::Range};

use anyhow::Context as _;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

use crate::demo::wire::Part;

/// Messages and calls of the interface.
#[derive(Debug)]
pub(crate) struct Interface {
    messages: HashMap<String, DescriptorProto>,
    /// The types of request and answer, by the call's path.
    calls: HashMap<String, [String; 2]>,
}

/// One message of a stream of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Framed {
    /// Whether it is compressed, so that nobody can search it.
    pub(crate) compressed: bool,
    /// Where it lies in the body.
    pub(crate) content: Range<usize>,
}

impl Interface {
    /// The interface of the program that runs.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let set = FileDescriptorSet::decode(merits_proto::DESCRIPTORS)
            .context("the descriptors of the gRPC interface")?;
        let mut read = Self {
            messages: HashMap::new(),
            calls: HashMap::new(),
        };
        for file in set.file {
            let package = file.package().to_owned();
            for service in &file.service {
                let name = format!("{package}.{}", service.name());
                for method in &service.method {
                    let types = [method.input_type(), method.output_type()].map(str::to_owned);
                    read.calls
                        .insert(format!("/{name}/{}", method.name()), types);
                }
            }
            for message in file.message_type {
                read.add(&format!(".{package}"), message);
            }
        }
        Ok(read)
    }

    fn add(&mut self, within: &str, mut message: DescriptorProto) {
        let name = format!("{within}.{}", message.name());
        for inner in std::mem::take(&mut message.nested_type) {
            self.add(&name, inner);
        }
        self.messages.insert(name, message);
    }

    /// The names of all services.
    #[cfg(test)]
    pub(crate) fn services(&self) -> std::collections::BTreeSet<String> {
        let paths = self.calls.keys().filter_map(|path| path.strip_prefix('/'));
        let names = paths.filter_map(|path| path.split_once('/'));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// The message that a role receives in this part of a call; `None` for what is no call of the interface.
    pub(crate) fn received(&self, call: &str, part: Part) -> Option<&str> {
        let [request, answer] = self.calls.get(call)?;
        match part {
            Part::Request => Some(request),
            Part::Answer => Some(answer),
            Part::Handed => None,
        }
    }

    /// The path of the innermost field with the byte `at` of a message of this type.
    pub(crate) fn locate(&self, message: &str, bytes: &[u8], at: usize) -> String {
        let described = self.messages.get(message);
        for field in fields(bytes) {
            if !field.whole.contains(&at) {
                continue;
            }
            let described = described.and_then(|message| {
                let mut fields = message.field.iter();
                fields.find(|described| u64::try_from(described.number()) == Ok(field.number))
            });
            let Some(described) = described else {
                return format!("unknown field {}", field.number);
            };
            let name = described.name();
            let nested = described.r#type() == Type::Message;
            return match bytes.get(field.content.clone()) {
                Some(inner) if nested && field.content.contains(&at) => {
                    let within = at - field.content.start;
                    format!(
                        "{name}.{}",
                        self.locate(described.type_name(), inner, within)
                    )
                }
                _ => name.to_owned(),
            };
        }
        "bytes of no field".to_owned()
    }

    /// The contents of the field of this name in a message of this type, as often as it is there.
    pub(crate) fn contents<'b>(&self, message: &str, bytes: &'b [u8], name: &str) -> Vec<&'b [u8]> {
        let described = self.messages.get(message);
        let named = described
            .and_then(|message| message.field.iter().find(|field| field.name() == name))
            .and_then(|field| u64::try_from(field.number()).ok());
        fields(bytes)
            .filter(|field| Some(field.number) == named)
            .filter_map(|field| bytes.get(field.content))
            .collect()
    }

    /// Every field of the interface that holds a number, as `Message.field`.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> std::collections::BTreeSet<String> {
        let is_number = |kind| {
            !matches!(
                kind,
                Type::Message | Type::Bytes | Type::String | Type::Bool | Type::Enum | Type::Group
            )
        };
        let mut numbers = std::collections::BTreeSet::new();
        for (name, message) in &self.messages {
            let name = name.rsplit('.').next().unwrap_or(name);
            let fields = message
                .field
                .iter()
                .filter(|field| is_number(field.r#type()));
            numbers.extend(fields.map(|field| format!("{name}.{}", field.name())));
        }
        numbers
    }
}

/// The messages of a gRPC body. What is cut off at the end is left out.
pub(crate) fn frames(body: &[u8]) -> Vec<Framed> {
    let mut frames = Vec::new();
    let mut start = 0;
    while let Some(([flag, length @ ..], _)) =
        body.get(start..).and_then(<[u8]>::split_first_chunk::<5>)
    {
        let content = start + 5;
        let end = content.saturating_add(u32::from_be_bytes(*length) as usize);
        if end > body.len() {
            break;
        }
        frames.push(Framed {
            compressed: *flag != 0,
            content: content..end,
        });
        start = end;
    }
    frames
}

/// A field as it lies in a message.
#[derive(Debug)]
struct Field {
    number: u64,
    /// With its key and its length.
    whole: Range<usize>,
    content: Range<usize>,
}

/// The fields of a message, until something is no field.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Field> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let (key, after) = varint(bytes, start)?;
        let (content, length) = match key & 7 {
            0 => (after, varint(bytes, after)?.1 - after),
            1 => (after, 8),
            2 => {
                let (length, content) = varint(bytes, after)?;
                (content, usize::try_from(length).ok()?)
            }
            5 => (after, 4),
            _ => return None,
        };
        let end = content
            .checked_add(length)
            .filter(|end| *end <= bytes.len())?;
        at = end;
        Some(Field {
            number: key >> 3,
            whole: start..end,
            content: content..end,
        })
    })
}

/// A varint, and where it ends.
fn varint(bytes: &[u8], start: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (place, byte) in bytes.get(start..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(place).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, start + place + 1));
        }
    }
    None
}
