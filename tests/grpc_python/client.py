"""A stock gRPC client of a running coordinator: it has no file of ours.

It learns services and messages by reflection, then calls health, Registry, Ledger and Verifier,
and checks what comes back, a refusal's reason and field included.

    python client.py 127.0.0.1:7700
"""

import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICES = [
    "grpc.health.v1.Health",
    "merits.ledger.v1.Blobs",
    "merits.ledger.v1.Cosignatures",
    "merits.ledger.v1.Ledger",
    "merits.registry.v1.Registry",
    "merits.verifier.v1.Verifier",
]


class Coordinator:
    """Calls methods that it knows from the server's own description only."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.reflection = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.reflection)

    def services(self):
        return sorted(self.reflection.get_services())

    def call(self, service, method, **fields):
        described = self.pool.FindServiceByName(service).FindMethodByName(method)
        request_type = message_factory.GetMessageClass(described.input_type)
        answer_type = message_factory.GetMessageClass(described.output_type)
        make = (
            self.channel.unary_stream if described.server_streaming else self.channel.unary_unary
        )
        stub = make(
            f"/{service}/{method}",
            request_serializer=request_type.SerializeToString,
            response_deserializer=answer_type.FromString,
        )
        return stub(request_type(**fields), timeout=10)

    def message(self, name):
        """A message type."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


def path(fault):
    """The field at fault in words, such as `claims[3].c`."""
    steps = (
        f".{step.name}" if step.WhichOneof("step") == "name" else f"[{step.index}]"
        for step in fault.field
    )
    return "".join(steps).removeprefix(".")


def reason(fault):
    """The name of a fault's reason."""
    return fault.DESCRIPTOR.fields_by_name["reason"].enum_type.values_by_number[fault.reason].name


def refusal(coordinator, call):
    """Status code, reason and field of a call that must fail."""
    try:
        call()
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("merits-fault-bin")
        if details is None:
            return error.code(), None, None
        fault = coordinator.message("merits.fault.v1.Fault").FromString(details)
        return error.code(), reason(fault), path(fault)
    raise AssertionError("the call was accepted")


def main(address):
    coordinator = Coordinator(address)

    services = coordinator.services()
    print("services:", ", ".join(services))
    missing = [name for name in SERVICES if name not in services]
    assert not missing, f"reflection does not list {missing}"

    health = health_pb2_grpc.HealthStub(coordinator.channel)
    for name in ["", "merits.ledger.v1.Ledger", "merits.registry.v1.Registry"]:
        status = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status
        assert status == health_pb2.HealthCheckResponse.SERVING, (name, status)
    print("health: SERVING")

    log = coordinator.call("merits.registry.v1.Registry", "GetLog")
    assert log.origin and len(log.log_key) == 32, log
    print("origin:", log.origin)

    parties = coordinator.call("merits.registry.v1.Registry", "ListParties")
    print("parties:", [(party.name, list(party.roles)) for party in parties.parties])

    checkpoint = coordinator.call("merits.ledger.v1.Ledger", "GetCheckpoint").checkpoint
    origin, size, _root, blank, signature = checkpoint.split("\n")[:5]
    assert origin == log.origin and blank == "" and signature.startswith("\u2014 "), checkpoint
    assert int(size) == parties.tree_size, (size, parties.tree_size)
    print("checkpoint of", size, "entries")

    leaves = [
        leaf
        for page in coordinator.call("merits.ledger.v1.Ledger", "StreamEntries")
        for leaf in page.leaves
    ]
    assert len(leaves) == int(size)

    # A leaf is the sequencer's time (8 bytes), perhaps the digest of the state before it (a flag, then 32 bytes
    # if it is 1), and the entry as its party signed it. The last leaf has a digest. The one earn batch and the
    # view-key epoch among them have proofs, and the log has them with exactly these bytes, so they are valid.
    # Entries of other kinds have no proof to judge.
    valid = 0
    assert leaves[-1][8] == 1
    for leaf in leaves:
        entry = leaf[9 + 32 * leaf[8] :]
        try:
            answer = coordinator.call(
                "merits.verifier.v1.Verifier", "VerifyOne", subject={"entry": entry}
            )
            assert answer.verdict.valid, answer.verdict
            valid += 1
        except grpc.RpcError as error:
            # Another kind.
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
    assert valid == 2, valid
    print("entries with proofs verified over gRPC:", valid)

    ledger = "merits.ledger.v1.Ledger"
    calls = {
        "empty entry": lambda: coordinator.call(ledger, "Submit"),
        "garbage": lambda: coordinator.call(ledger, "Submit", entry=b"\1garbage"),
        "short id": lambda: coordinator.call(ledger, "GetReceipt", entry_id=b"x"),
        "unknown id": lambda: coordinator.call(ledger, "GetReceipt", entry_id=bytes(32)),
        "over its limit": lambda: coordinator.call(ledger, "Submit", entry=bytes(100_000)),
    }
    verdicts = {name: refusal(coordinator, call) for name, call in calls.items()}
    for name, (code, why, field) in verdicts.items():
        print(f"{name}: {code.name} {why} {field}")
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert verdicts["empty entry"] == (invalid, "REASON_MALFORMED", "entry")
    assert verdicts["garbage"][:2] == (invalid, "REASON_MALFORMED")
    assert verdicts["short id"] == (invalid, "REASON_MALFORMED", "entry_id")
    assert verdicts["unknown id"][:2] == (grpc.StatusCode.NOT_FOUND, "REASON_NOT_FOUND")
    # tonic refuses it from its length prefix, before our code sees it.
    assert verdicts["over its limit"][0] == grpc.StatusCode.OUT_OF_RANGE

    verdict = coordinator.call(
        "merits.verifier.v1.Verifier",
        "VerifyOne",
        subject={"proof": {"key_digest": bytes(32), "proof": bytes(128)}},
    ).verdict
    assert not verdict.valid and verdict.fault.reason, verdict
    print("verdict on a made-up proof:", reason(verdict.fault))
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
