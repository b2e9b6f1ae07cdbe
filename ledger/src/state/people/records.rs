//! People as rows.

use merits_primitives::{
    Fr,
    calendar::{Day, Timestamp},
    group::GroupRoot,
    identity::Birth,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::super::stored::{MOST, read_entry, read_party};
use super::{EvaluatedRequest, Evaluation, Person, ROOT_GRACE};
use crate::entry::UniquenessTag;
use crate::rows::{Record, Table};

/// Evaluations of a registrar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) struct Count(pub(super) u64);

/// Evaluations that an evaluator counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) struct CountedBy(pub(super) u64);

/// The group's size and root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::state) struct GroupHead {
    pub(super) size: u64,
    pub(super) root: Option<GroupRoot>,
}

/// A node of the group's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) struct Node(pub(super) Fr);

/// When a root was superseded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::state) struct Superseded(pub(super) Timestamp);

impl Superseded {
    /// Whether it may still be proven against.
    pub(super) fn is_good(self, time: Timestamp) -> bool {
        time.since(self.0) <= ROOT_GRACE
    }
}

impl Canonical for Count {
    const NAME: &'static str = "evaluation count";

    fn write(&self, out: &mut Writer) {
        out.u64(self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.u64("count").map(Self)
    }
}

impl Record for Count {
    const TABLE: Table = Table::EvaluationCount;
}

impl Canonical for CountedBy {
    const NAME: &'static str = "evaluator's count";

    fn write(&self, out: &mut Writer) {
        out.u64(self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.u64("count").map(Self)
    }
}

impl Record for CountedBy {
    const TABLE: Table = Table::EvaluatorCount;
}

impl Canonical for GroupHead {
    const NAME: &'static str = "group";

    fn write(&self, out: &mut Writer) {
        out.u64(self.size);
        out.option(self.root.as_ref(), |out, root| out.field(root));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            size: input.u64("size")?,
            root: input.option("root", |input| input.field("root"))?,
        })
    }
}

impl Record for GroupHead {
    const TABLE: Table = Table::Group;
}

impl Canonical for Node {
    const NAME: &'static str = "group node";

    fn write(&self, out: &mut Writer) {
        out.field(&self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.field("node").map(Self)
    }
}

impl Record for Node {
    const TABLE: Table = Table::GroupNode;
}

impl Canonical for Superseded {
    const NAME: &'static str = "old root";

    fn write(&self, out: &mut Writer) {
        out.time(self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.time("time").map(Self)
    }
}

impl Record for Superseded {
    const TABLE: Table = Table::OldRoot;
}

impl Canonical for Evaluation {
    const NAME: &'static str = "evaluation";

    fn write(&self, out: &mut Writer) {
        out.array(&self.registrar.0);
        out.array(&self.request);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            registrar: read_party(input, "registrar")?,
            request: input.array("request")?,
        })
    }
}

impl Record for Evaluation {
    const TABLE: Table = Table::Evaluation;
}

impl Canonical for EvaluatedRequest {
    const NAME: &'static str = "evaluated request";

    fn write(&self, out: &mut Writer) {
        out.count(self.counted.len());
        for (evaluator, entry) in &self.counted {
            out.array(&evaluator.0);
            out.array(&entry.0);
        }
        out.bool(self.used);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        // Shares may have been dealt to others meanwhile, so there may be more than hold one now.
        let count = input.count("evaluators", MOST)?;
        let counted = (0..count).map(|_| {
            let evaluator = read_party(input, "evaluator")?;
            Ok((evaluator, read_entry(input, "entry")?))
        });
        let counted = counted.collect::<Result<_, CodecError>>()?;
        let used = input.bool("used")?;
        Ok(Self { counted, used })
    }
}

impl Record for EvaluatedRequest {
    const TABLE: Table = Table::Request;
}

impl Canonical for UniquenessTag {
    const NAME: &'static str = "uniqueness tag";

    fn write(&self, out: &mut Writer) {
        out.array(&self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.array("tag").map(Self)
    }
}

/// The uniqueness tag of an identity commitment.
impl Record for UniquenessTag {
    const TABLE: Table = Table::Commitment;
}

impl Canonical for Person {
    const NAME: &'static str = "person";

    fn write(&self, out: &mut Writer) {
        let Self {
            tag,
            commitment,
            index,
            birth: Birth { from, generation },
            registrar,
            retired,
        } = self;
        out.array(&tag.0);
        out.field(commitment);
        out.u64(*index);
        out.u32(from.0);
        out.u8(*generation);
        out.array(&registrar.0);
        out.bool(*retired);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            tag: UniquenessTag(input.array("tag")?),
            commitment: input.field("commitment")?,
            index: input.u64("index")?,
            birth: Birth {
                from: Day(input.u32("from")?),
                generation: input.u8("generation")?,
            },
            registrar: read_party(input, "registrar")?,
            retired: input.bool("retired")?,
        })
    }
}

impl Record for Person {
    const TABLE: Table = Table::Person;
}
