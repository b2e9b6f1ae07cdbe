//! Named, nested sections: they count constraints and instructions, and name their origin.

/// Constraints that a section took, with its nested sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Names from the outermost in, joined by `/`.
    pub path: String,
    /// Constraints in it and below it, over all times it was entered.
    pub constraints: usize,
    /// How often it was entered. A section within a loop counts each round.
    pub entered: usize,
}

/// Records which section each item of a growing list came from.
#[derive(Clone, Debug)]
pub(crate) struct SectionLog {
    nodes: Vec<Node>,
    open: Vec<usize>,
    /// (first item, node), by first item.
    marks: Vec<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    parent: Option<usize>,
    entered: usize,
}

impl Default for SectionLog {
    fn default() -> Self {
        let root = Node {
            name: String::new(),
            parent: None,
            entered: 1,
        };
        Self {
            nodes: vec![root],
            open: vec![0],
            marks: vec![(0, 0)],
        }
    }
}

impl SectionLog {
    /// Enters a section; items from number `at` on belong to it.
    pub(crate) fn enter(&mut self, name: &str, at: usize) {
        let parent = self.current();
        let known = self
            .nodes
            .iter()
            .position(|node| node.parent == Some(parent) && node.name == name);
        let node = known.unwrap_or_else(|| {
            self.nodes.push(Node {
                name: name.to_owned(),
                parent: Some(parent),
                entered: 0,
            });
            self.nodes.len() - 1
        });
        self.nodes[node].entered += 1;
        self.open.push(node);
        self.marks.push((at, node));
    }

    /// Leaves the innermost section before item number `at`.
    pub(crate) fn leave(&mut self, at: usize) {
        if self.open.len() > 1 {
            self.open.pop();
        }
        self.marks.push((at, self.current()));
    }

    /// Path of the section that item number `at` belongs to.
    pub(crate) fn path_at(&self, at: usize) -> String {
        let mark = self.marks.partition_point(|(first, _)| *first <= at);
        self.path(self.marks[mark.saturating_sub(1)].1)
    }

    /// All sections in order of first entry, with the number of items below `end` in each.
    pub(crate) fn counts(&self, end: usize) -> Vec<Section> {
        let mut counts = vec![0; self.nodes.len()];
        for (i, (first, node)) in self.marks.iter().enumerate() {
            let next = self.marks.get(i + 1).map_or(end, |(next, _)| *next);
            let mut at = Some(*node);
            while let Some(node) = at {
                counts[node] += next - first;
                at = self.nodes[node].parent;
            }
        }
        let section = |(node, constraints)| Section {
            path: self.path(node),
            constraints,
            entered: self.nodes[node].entered,
        };
        counts
            .into_iter()
            .enumerate()
            .skip(1)
            .map(section)
            .collect()
    }

    fn current(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn path(&self, mut node: usize) -> String {
        let mut names = Vec::new();
        while let Some(parent) = self.nodes[node].parent {
            names.push(self.nodes[node].name.as_str());
            node = parent;
        }
        names.reverse();
        names.join("/")
    }
}
