// Prints vectors.json: what circomlibjs (the authors of circomlib) and Semaphore's identity and
// group packages compute, for tests/vectors.rs to compare with. Run: npm ci && npm run -s generate
import { buildBabyjub, buildPoseidonReference } from "circomlibjs";
import { Group } from "@semaphore-protocol/group";
import { Identity } from "@semaphore-protocol/identity";

const poseidon = await buildPoseidonReference();
const babyjub = await buildBabyjub();
const F = babyjub.F;
const p = babyjub.p;
const text = (element) => poseidon.F.toObject(element).toString();
const point = (q) => ({ x: F.toObject(q[0]).toString(), y: F.toObject(q[1]).toString() });

// Tags as in src/tags.rs: ASCII letters read as a big-endian integer.
const tag = (name) => [...name].reduce((value, c) => (value << 8n) | BigInt(c.charCodeAt(0)), 0n);

// Inputs: small, then near p, so that reduction mistakes show.
const inputsOf = (n, kind) =>
  Array.from({ length: n }, (_, i) =>
    kind === "small" ? BigInt(i + 1) : p - 1n - BigInt(i) * 0x1234567890abcdef1234567890abcdefn);

const permutations = [];
for (let n = 1; n <= 12; n++) {
  for (const kind of ["small", "large"]) {
    for (const name of ["", "REC", "SCOPE"]) {
      const inputs = inputsOf(n, kind);
      const lanes = poseidon(inputs, tag(name), 2);
      permutations.push({ tag: name, inputs: inputs.map(String), lanes: lanes.map(text) });
    }
  }
}

const l = babyjub.subOrder;
const scalars = [1n, 2n, 3n, 8n, 1n << 250n, (1n << 250n) - 1n, l - 1n, l - 2n,
  0x123456789abcdef0fedcba9876543210123456789abcdef0fedcba987654321n];
const multiples = scalars.map((scalar) => ({
  scalar: scalar.toString(),
  ...point(babyjub.mulPointEscalar(babyjub.Base8, scalar)),
}));
const sums = scalars.slice(1).map((scalar, i) => {
  const a = babyjub.mulPointEscalar(babyjub.Base8, scalars[i]);
  const b = babyjub.mulPointEscalar(babyjub.Base8, scalar);
  return { a: point(a), b: point(b), sum: point(babyjub.addPoint(a, b)) };
});
// Multiples of the full group's generator: on the curve, outside the subgroup.
const outside = [1n, 3n, l, 2n * l, 5n].map((scalar) =>
  point(babyjub.mulPointEscalar(babyjub.Generator, scalar)));

const identities = ["secret", "privateKey", "merits", "善度", "a much longer private key of a person"]
  .map((key) => {
    const identity = new Identity(key);
    return {
      private_key: key,
      secret_scalar: identity.secretScalar.toString(),
      x: identity.publicKey[0].toString(),
      y: identity.publicKey[1].toString(),
      commitment: identity.commitment.toString(),
    };
  });

// Groups of people, somebody in them removed (whose leaf is then 0), and somebody after that. A
// proof lists the siblings that there are, from the leaf up, and in its index's bits the side of
// each: 1 where the node on the path is the right one.
const proofOf = (group, index) => {
  const proof = group.generateMerkleProof(index);
  return { leaf_index: index, sides: proof.index, siblings: proof.siblings.map(String) };
};
const stateOf = (group, at) => ({
  leaves: group.members.map(String),
  root: group.root.toString(),
  proofs: [...new Set(at)].map((index) => proofOf(group, index)),
});
const groups = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 33].map((size) => {
  const people = Array.from({ length: size }, (_, i) => new Identity(`person ${i}`).commitment);
  const group = new Group(people);
  const at = [0, size >> 1, size - 1];
  const full = stateOf(group, at);
  const removed = (size * 5) >> 3;
  group.removeMember(removed);
  const reduced = stateOf(group, at);
  group.addMember(new Identity("a newcomer").commitment);
  return { full, removed, reduced, grown: stateOf(group, [...at, size]) };
});

process.stdout.write(JSON.stringify({
  made_by: ["circomlibjs 0.1.7", "@semaphore-protocol/identity 4.14.3",
    "@semaphore-protocol/group 4.14.3"],
  permutations, order: l.toString(),
  base8: point(babyjub.Base8), multiples, sums, outside, identities, groups,
}, null, 1) + "\n");
process.exit(0); // circomlibjs leaves worker threads open
