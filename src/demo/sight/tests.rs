//! The table against the documentation and the interface, and searches of what was made for it: planted leaks are
//! found wherever they are, and nothing else is.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_primitives::Fr;
use merits_proto::{
    exchange::RedeemRequest,
    ledger::{StreamEntriesResponse, SubmitManyResponse, SubmitResponse, submit_many_response},
    supervision::RequestPartialResponse,
    verifier::{Subject, VerifyManyRequest, subject},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::demo::wire::Speech;

use super::{
    checks::Uses,
    data::{Pattern, element_forms, number_forms},
    table::{ADD_CHECKPOINT, SERVICES},
    *,
};

const PSEUDONYM: u64 = 0x0123_4567_89ab_cdef;
const AMOUNT: u64 = 2_718_281_828_459;

fn pseudonym() -> Fr {
    // Four numbers, so that it has more than 64 bits.
    let shift = Fr::from(1u128 << 64);
    (0..4).fold(Fr::from(0u64), |sum, _| sum * shift + Fr::from(PSEUDONYM)) + Fr::from(7u64)
}

/// The pseudonym and an amount of person 1, and the identity number, the record and the commitment of person 2.
fn patterns() -> Vec<Pattern> {
    let all = [
        (Kind::Pseudonym, 0, element_forms(pseudonym())),
        (Kind::Amount, 0, number_forms(AMOUNT)),
        (Kind::Number, 1, vec![b"110101199001010010".to_vec()]),
        (
            Kind::Record,
            1,
            vec![b"two,2025-03-01,987654321012".to_vec()],
        ),
        (Kind::Secret, 1, element_forms(pseudonym() + Fr::from(1u64))),
        (
            Kind::Commitment,
            1,
            element_forms(pseudonym() + Fr::from(2u64)),
        ),
    ];
    let patterns = all.into_iter().flat_map(|(kind, person, forms)| {
        forms.into_iter().map(move |bytes| Pattern {
            kind,
            person,
            bytes,
        })
    });
    patterns.collect()
}

fn framed(message: &impl prost::Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(bytes.len()).expect("short").to_be_bytes());
    framed.extend(bytes);
    framed
}

fn received(receiver: &str, call: &str, part: Part, body: Vec<u8>) -> Message {
    Message {
        receiver: receiver.to_owned(),
        sender: "somebody".to_owned(),
        call: call.to_owned(),
        part,
        heads: Vec::new(),
        body,
    }
}

const OPENED: Opened<'static> = Opened {
    requester: "supervisor-1",
    person: Some(0),
};

fn judge(messages: &[Message]) -> anyhow::Result<BTreeSet<Found>> {
    let (patterns, interface) = (patterns(), Interface::read().expect("the interface"));
    let sight = Sight {
        interface: &interface,
        search: Search::new(&patterns),
    };
    sight.judge(messages, OPENED)
}

/// It is refused, and the refusal names all of these.
#[track_caller]
fn refused(message: &Message, names: &[&str]) {
    let Err(refusal) = judge(std::slice::from_ref(message)) else {
        panic!("{} received it, and nothing was found", message.receiver);
    };
    let refusal = refusal.to_string();
    for name in names {
        assert!(refusal.contains(name), "{name:?} is not in {refusal:?}");
    }
}

const SUBMIT_MANY: &str = "/merits.ledger.v1.Ledger/SubmitMany";
const STREAM: &str = "/merits.ledger.v1.Ledger/StreamEntries";
const REDEEM: &str = "/merits.exchange.v1.Exchange/Redeem";
const VERIFY_MANY: &str = "/merits.verifier.v1.Verifier/VerifyMany";

#[test]
fn a_pseudonym_to_a_sponsor_is_found_in_the_second_leaf_of_the_second_message() {
    let page = |leaves: Vec<Vec<u8>>| framed(&StreamEntriesResponse { first: 3, leaves });
    for form in element_forms(pseudonym()) {
        let leaf = [b"before", form.as_slice(), b"after"].concat();
        let body = [
            page(vec![b"a leaf".to_vec()]),
            page(vec![b"another".to_vec(), leaf]),
        ]
        .concat();
        let leak = received("sponsor", STREAM, Part::Answer, body);
        let place = [
            "sponsor",
            STREAM,
            "answer",
            "field leaves",
            "pseudonym of person 1",
        ];
        refused(&leak, &place);
    }
}

#[test]
fn an_amount_to_an_exchange_is_found_in_each_of_its_forms() {
    for form in number_forms(AMOUNT) {
        let request = RedeemRequest {
            origin: "demo".to_owned(),
            statement: form,
            proof: vec![7; 128],
        };
        let leak = received("exchange", REDEEM, Part::Request, framed(&request));
        let place = ["exchange", REDEEM, "request", "field statement", "amount"];
        refused(&leak, &place);
    }
}

#[test]
fn an_amount_is_found_in_a_field_for_numbers_and_in_nested_messages() {
    let tag = VerifyManyRequest {
        tag: AMOUNT,
        subject: Some(Subject {
            subject: Some(subject::Subject::Entry(b"an entry".to_vec())),
        }),
    };
    let leak = received("coordinator", VERIFY_MANY, Part::Request, framed(&tag));
    refused(&leak, &["coordinator", VERIFY_MANY, "field tag", "amount"]);
    let entry = VerifyManyRequest {
        tag: 1,
        subject: Some(Subject {
            subject: Some(subject::Subject::Entry(AMOUNT.to_be_bytes().to_vec())),
        }),
    };
    let leak = received("coordinator", VERIFY_MANY, Part::Request, framed(&entry));
    refused(&leak, &["field subject.entry"]);
    let receipt = BASE64.encode([b"a".as_slice(), &AMOUNT.to_le_bytes()].concat());
    let answer = SubmitManyResponse {
        tag: 1,
        outcome: Some(submit_many_response::Outcome::Accepted(SubmitResponse {
            receipt: format!("c2sp\n{receipt}\n"),
            ..SubmitResponse::default()
        })),
    };
    let leak = received("distributor-2", SUBMIT_MANY, Part::Answer, framed(&answer));
    judge(std::slice::from_ref(&leak)).expect("a distributor knows amounts");
    let leak = Message {
        receiver: "witness-4".to_owned(),
        ..leak
    };
    refused(&leak, &["witness-4", "field accepted.receipt", "amount"]);
}

#[test]
fn headers_files_and_what_is_no_call_of_the_interface_are_searched() {
    let mut leak = received("evaluator", STREAM, Part::Request, Vec::new());
    leak.heads = b"x-number: 110101199001010010\n".to_vec();
    refused(
        &leak,
        &["evaluator", "the headers", "identity number of person 2"],
    );
    let row = b"car,day,effort\ntwo,2025-03-01,987654321012\n".to_vec();
    let leak = received("issuer", "records.csv", Part::Handed, row.clone());
    refused(
        &leak,
        &["issuer", "records.csv", "byte 15", "raw record of person 2"],
    );
    let leak = received(
        "witness-2",
        "POST /add-checkpoint",
        Part::Request,
        row.clone(),
    );
    refused(&leak, &["witness-2", "POST /add-checkpoint"]);
    // Nobody has a row for it, so it may receive nothing.
    let leak = received("archive", "/other.Service/Call", Part::Request, row.clone());
    refused(&leak, &["archive", "/other.Service/Call"]);
    judge(&[received("source", "records.csv", Part::Handed, row)]).expect("its own records");
}

#[test]
fn a_supervisor_sees_the_opened_person_in_the_disclosure_only() {
    let shown = || element_forms(pseudonym()).swap_remove(2);
    let disclosed = received("supervisor-1", DISCLOSURE, Part::Handed, shown());
    judge(std::slice::from_ref(&disclosed)).expect("it asked");
    let other = Message {
        receiver: "supervisor-2".to_owned(),
        ..disclosed.clone()
    };
    refused(&other, &["supervisor-2", "pseudonym"]);
    let elsewhere = Message {
        call: "request.json".to_owned(),
        ..disclosed
    };
    refused(&elsewhere, &["supervisor-1", "request.json"]);
    let answer = RequestPartialResponse {
        ciphertext: shown(),
        ..RequestPartialResponse::default()
    };
    let call = "/merits.supervision.v1.Supervision/RequestPartial";
    let leak = received("supervisor-1", call, Part::Answer, framed(&answer));
    refused(&leak, &["field ciphertext"]);
    let record = b"two,2025-03-01,987654321012".to_vec();
    let leak = received("supervisor-1", DISCLOSURE, Part::Handed, record);
    refused(&leak, &["raw record of person 2"]);
}

#[test]
fn nobody_may_receive_a_secret_and_everybody_a_commitment() {
    for receiver in Receiver::all() {
        let folder = receiver.to_string();
        let secret = element_forms(pseudonym() + Fr::from(1u64)).swap_remove(0);
        let leak = received(&folder, STREAM, Part::Answer, secret);
        refused(&leak, &[&folder, "the wallet's secret of person 2"]);
        let commitment = element_forms(pseudonym() + Fr::from(2u64)).swap_remove(0);
        let found = judge(&[received(&folder, STREAM, Part::Answer, commitment)]);
        assert_eq!(found.expect("it is on the log").len(), 1, "{folder}");
    }
}

#[test]
fn what_only_looks_alike_is_no_leak() {
    let amount = AMOUNT.to_be_bytes();
    let cut = amount.get(..7).expect("seven bytes").to_vec();
    judge(&[received("sponsor", STREAM, Part::Answer, cut)]).expect("cut off");
    let near = (AMOUNT + 1).to_string().into_bytes();
    judge(&[received("sponsor", STREAM, Part::Answer, near)]).expect("another number");
    assert!(number_forms(65_535).is_empty(), "a length looks like it");
    assert_eq!(number_forms(65_536).len(), 4, "as a field element");
    assert_eq!(number_forms(1 << 32).len(), 8);
    assert_eq!(number_forms(300 << 32).pop().expect("a varint").len(), 6);
}

#[test]
fn a_compressed_message_is_refused_because_nobody_can_search_it() {
    let mut body = framed(&RedeemRequest::default());
    body[0] = 1;
    refused(
        &received("exchange", REDEEM, Part::Request, body),
        &["exchange", REDEEM, "compressed"],
    );
}

#[test]
fn base64_is_read_wherever_it_begins() {
    let number = b"110101199001010010";
    for before in 0..4 {
        for around in 0..4 {
            let text = BASE64.encode([vec![b'x'; before], number.to_vec()].concat());
            let body = [vec![b'A'; around], text.into_bytes()].concat();
            let leak = received("clearing", "kit.json", Part::Handed, body);
            refused(&leak, &["clearing", "identity number"]);
        }
    }
}

#[test]
fn what_is_planted_in_any_message_is_found() {
    let (patterns, interface) = (patterns(), Interface::read().expect("the interface"));
    let sight = Sight {
        interface: &interface,
        search: Search::new(&patterns),
    };
    let messages = [
        received(
            "sponsor",
            STREAM,
            Part::Answer,
            framed(&StreamEntriesResponse::default()),
        ),
        received("sponsor", "a file", Part::Handed, b"words".to_vec()),
        // Cut off in the middle.
        received("clearing", STREAM, Part::Answer, vec![0, 0, 0, 0, 9, 1]),
    ];
    let planted = planted_leaks(&sight, &messages, &patterns, OPENED).expect("all are found");
    // All but the commitment, in all their forms.
    let forbidden = patterns
        .iter()
        .filter(|pattern| pattern.kind != Kind::Commitment);
    assert_eq!(planted, 3 * forbidden.count());
    // A search that knows nothing finds nothing, and is not believed.
    let blind = Sight {
        interface: &interface,
        search: Search::new(&[]),
    };
    planted_leaks(&blind, &messages, &patterns, OPENED).expect_err("blind");
}

#[test]
fn a_service_that_nobody_was_seen_to_call_is_named() {
    let service = |call: &str, server: &str| {
        let request = received(server, call, Part::Request, Vec::new());
        let mut answer = received("sponsor", call, Part::Answer, Vec::new());
        answer.sender = server.to_owned();
        [request, answer]
    };
    let used = Uses {
        redemptions: true,
        blobs: true,
    };
    let all: Vec<Message> = SERVICES
        .into_iter()
        .filter_map(|(name, server)| Some(service(&format!("/{name}/Call"), server?)))
        .chain([service(ADD_CHECKPOINT, "witness-3")])
        .flatten()
        .collect();
    all_services_were_seen(&all, used).expect("all were called");
    for missing in 0..all.len() {
        let mut some = all.clone();
        some.remove(missing);
        all_services_were_seen(&some, used).expect_err("one is missing");
    }
    // What a demonstration does not do needs no calls.
    let idle = Uses {
        redemptions: false,
        blobs: false,
    };
    let mut some = all.clone();
    some.retain(|message| !message.call.contains("Exchange") && !message.call.contains("Blobs"));
    assert!(some.len() < all.len());
    all_services_were_seen(&some, idle).expect("all others were called");
    let unused = service("/merits.notes.v1.Notes/GetBuckets", "coordinator");
    let told = all_services_were_seen(&[all, unused.to_vec()].concat(), used);
    assert!(
        told.expect_err("not in the table")
            .to_string()
            .contains("Notes")
    );
}

#[test]
fn every_service_of_the_interface_is_in_the_table_of_services() {
    let interface = Interface::read().expect("the interface");
    let listed: BTreeSet<String> = SERVICES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(listed, interface.services());
    for (name, server) in SERVICES {
        let is_known = server.is_none_or(|server| Receiver::of(server).is_some());
        assert!(is_known, "{name}: {server:?}");
    }
}

/// Small amounts cannot be told from other numbers by their bytes. So every field for a number is known, and none is the
/// amount of a claim. A new one must be looked at, and written down here.
#[test]
fn no_number_of_the_interface_is_an_amount() {
    const KNOWN: [&str; 50] = [
        "Epoch.number",
        "EvaluateResponse.generation",
        "Fault.code",
        "Fault.retry_after_ms",
        "FieldStep.index",
        "Figure.exponent",
        "Figure.high",
        "Figure.low",
        "Figure.schedule",
        "Figure.values",
        "GetBucketRequest.index",
        "GetBucketsResponse.size",
        "GetConsistencyProofRequest.new_size",
        "GetConsistencyProofRequest.old_size",
        "GetCosignedReceiptResponse.index",
        "GetLogResponse.entry_version",
        "GetPartyResponse.tree_size",
        "GetReceiptResponse.index",
        "GetScaleRequest.version",
        "GetScaleResponse.tree_size",
        "ListEpochsRequest.after",
        "ListEpochsRequest.page_size",
        "ListEpochsResponse.tree_size",
        "ListOffersRequest.page_size",
        "ListPartiesRequest.page_size",
        "ListPartiesResponse.tree_size",
        "ListScalesRequest.after_version",
        "ListScalesRequest.page_size",
        "ListScalesResponse.tree_size",
        "OfferHere.left",
        "RequestPartialRequest.claim",
        "RequestTotalPartialRequest.asset",
        "RequestTotalPartialRequest.epoch",
        "RequestTotalPartialRequest.number",
        "RequestTotalPartialRequest.output",
        "RequestTotalPartialRequest.period",
        "Scale.asset",
        "Scale.claims_per_batch",
        "Scale.max_credits",
        "Scale.max_measure",
        "Scale.version",
        "Schedule.days",
        "StreamEntriesRequest.from",
        "StreamEntriesRequest.until",
        "StreamEntriesResponse.first",
        "SubmitManyRequest.tag",
        "SubmitManyResponse.tag",
        "SubmitResponse.index",
        "VerifyManyRequest.tag",
        "VerifyManyResponse.tag",
    ];
    let interface = Interface::read().expect("the interface");
    let numbers = interface.numbers();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    assert_eq!(numbers, KNOWN);
}

/// The rows of the page and of the code are the same, and there is one for everybody.
#[test]
fn the_page_has_the_table() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/what-roles-see.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| receiver |"));
    let rows: Vec<String> = rows
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(str::to_owned)
        .collect();
    let expected: Vec<String> = Receiver::all()
        .map(|receiver| {
            let cells = Kind::ALL.map(|kind| table::may(receiver, kind).to_string());
            format!("| {receiver} | {} |", cells.join(" | "))
        })
        .collect();
    assert_eq!(rows, expected);
    for receiver in Receiver::all() {
        let folder = format!("{receiver}-3");
        assert_eq!(Receiver::of(&folder), Some(receiver), "{folder}");
        assert_eq!(Receiver::of(&receiver.to_string()), Some(receiver));
    }
}

#[tokio::test]
async fn the_recorder_keeps_both_directions_of_a_call_over_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = listener.local_addr().expect("its address");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut asked = Vec::new();
        while !asked.ends_with(b"a question") {
            let mut bytes = [0; 64];
            let read = stream.read(&mut bytes).await.expect("a request");
            assert_ne!(read, 0, "the request was cut off");
            asked.extend_from_slice(&bytes[..read]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nx-place: here\r\ncontent-length: 9\r\n\r\nan answer";
        stream.write_all(answer).await.expect("answered");
        asked
    });
    let recorder = Recorder::default();
    let route = recorder.route(("coordinator", "witness-1"), server, Speech::Http, &[]);
    let address = route.expect("a route");
    assert_ne!(address, server);
    let mut caller = TcpStream::connect(address).await.expect("the recorder");
    let question = b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-length: 10\r\n\r\na question";
    caller.write_all(question).await.expect("sent");
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("an answer"),
        "{answer}"
    );
    assert!(
        serving
            .await
            .expect("ended")
            .starts_with(b"POST /add-checkpoint")
    );
    let messages = recorder.messages();
    let [request, answer] = messages.as_slice() else {
        panic!("{} messages", messages.len());
    };
    assert_eq!(
        (&*request.receiver, &*request.sender),
        ("witness-1", "coordinator")
    );
    assert_eq!(
        (&*request.call, request.part),
        (ADD_CHECKPOINT, Part::Request)
    );
    assert_eq!(request.body, b"a question");
    assert_eq!(
        (&*answer.receiver, &*answer.sender),
        ("coordinator", "witness-1")
    );
    assert_eq!((&*answer.call, answer.part), (ADD_CHECKPOINT, Part::Answer));
    assert_eq!(answer.body, b"an answer");
    let heads = String::from_utf8(answer.heads.clone()).expect("text");
    assert!(heads.contains("x-place: here\n"), "{heads}");
}
