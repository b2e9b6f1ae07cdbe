#!/usr/bin/env python3
"""Finds modules of one crate that import each other in a circle.

    .ci/circles.py [CRATE_DIRECTORY ...]

Prints each circle with its imports; exits 1 if there is one that KNOWN does not name. Modules are compared with
their siblings, on every level of folders. A module may use what its parent or its children hold. Tests are left out.
"""
import re
import sys
from pathlib import Path

# Circles that are known and not broken yet, by crate. There is none, and none may be added.
KNOWN: dict[str, list[set[str]]] = {}


def modules(source: Path) -> dict[tuple[str, ...], str]:
    """Module path -> text, without tests."""
    found = {}
    for file in source.rglob("*.rs"):
        parts = list(file.relative_to(source).with_suffix("").parts)
        if parts[-1] in ("lib", "main", "mod"):
            parts.pop()
        if any(part.endswith("tests") for part in parts):
            continue
        text = re.sub(r"//.*", "", file.read_text())
        found[tuple(parts)] = re.split(r"#\[cfg\((?:test|all\(test,[^\]]*\))\)\]\s*mod \w+ \{", text)[0]
    return found


def leaves(tree: str) -> list[str]:
    """`a::{b, c::{d}}` -> a::b, a::c::d."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        return [tree.split(" as ")[0].strip()]
    prefix, inner = tree[:brace], tree[brace + 1 : tree.rindex("}")]
    out, depth, start = [], 0, 0
    for at, char in enumerate(inner + ","):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if inner[start:at].strip():
                out += [prefix.strip() + leaf for leaf in leaves(inner[start:at])]
            start = at + 1
    return out


def imports(path: tuple[str, ...], text: str) -> set[tuple[str, ...]]:
    """Absolute paths inside the crate that a module names."""
    named = [leaf for tree in re.findall(r"\buse\s+([^;]+);", text) for leaf in leaves(tree)]
    named += re.findall(r"\b(?:crate|super)(?:::\w+)+", re.sub(r"\buse\s+[^;]+;", "", text))
    out = set()
    for name in named:
        parts = name.split("::")
        if parts[0] == "crate":
            out.add(tuple(parts[1:]))
            continue
        base = list(path)
        if parts[0] not in ("self", "super"):
            continue
        for part in parts:
            if part == "super":
                base = base[:-1]
            elif part != "self":
                base.append(part)
        out.add(tuple(base))
    return out


def edges(found: dict[tuple[str, ...], str]) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    graph: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    known = {path[:length] for path in found for length in range(len(path) + 1)}
    for path, text in found.items():
        for target in imports(path, text):
            while target not in known:
                target = target[:-1]
            common = 0
            while common < min(len(path), len(target)) and path[common] == target[common]:
                common += 1
            if common < len(path) and common < len(target):
                graph.setdefault(path[: common + 1], set()).add(target[: common + 1])
    return graph


def circles(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[list[tuple[str, ...]]]:
    """Strongly connected components of more than one module (Tarjan)."""
    index, low, stack, out = {}, {}, [], []

    def visit(node: tuple[str, ...]) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                out.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return out


def main() -> int:
    named = [Path(name) for name in sys.argv[1:]]
    crates = named or sorted(
        path.parent for path in Path().glob("**/Cargo.toml") if "target" not in path.parts and "node_modules" not in path.parts
    )
    failed = False
    for crate in crates:
        if not (crate / "src").is_dir():
            continue
        graph = edges(modules(crate / "src"))
        for circle in circles(graph):
            names = {"::".join(path) for path in circle}
            if any(names <= known for known in KNOWN.get(str(crate), [])):
                continue
            failed = True
            print(f"{crate}: {', '.join(sorted(names))} import each other")
            for path in circle:
                for target in sorted(graph[path] & set(circle)):
                    print(f"    {'::'.join(path)} -> {'::'.join(target)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
