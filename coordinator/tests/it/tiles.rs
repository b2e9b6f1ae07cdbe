//! The log over HTTP, read by the crate `tlog_tiles`, which is not ours, and altered on its way.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use http::{StatusCode, header};
use merits_coordinator::LogConfig;
use merits_fetch::{Address, Answer, Fetcher};
use merits_ledger::tree::Frontier;
use merits_proto::ledger::submit_many_response::Outcome;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, SignedCheckpoint},
};
use tlog_tiles::{
    Error, Hash, HashReader as _, Tile, TileHashReader, TileReader, record_hash, stored_hash_index,
    tree_hash,
};

use crate::federation::{Founding, Node};

const LIMIT: Duration = Duration::from_secs(60);
/// A bundle of 256 leaves of the largest size.
const MOST: usize = 256 * 65_537;

/// A ledger of more than one full tile, whose log is served over HTTP.
struct Served {
    node: Node,
    fetcher: Fetcher,
    _dir: tempfile::TempDir,
}

impl Served {
    async fn new(entries: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut founding = Founding::new(41);
        let mut config = founding.config(dir.path());
        config.log = LogConfig {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            ..config.log
        };
        let mut node = Node::founded(&founding, config).await;
        let more: Vec<_> = (0..entries).map(|_| founding.earn(1)).collect();
        let mut answers = node.client.submit_many(&more).await;
        while let Some(answer) = answers.message().await.unwrap() {
            assert!(
                matches!(answer.outcome, Some(Outcome::Accepted(_))),
                "{answer:?}"
            );
        }
        let address = node.coordinator.tiles_address().unwrap();
        let address = Address::parse(&format!("http://{address}")).unwrap();
        Self {
            node,
            fetcher: Fetcher::new(address, LIMIT),
            _dir: dir,
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.fetcher.get(path, MOST).await.unwrap()
    }

    async fn checkpoint(&mut self) -> Checkpoint {
        let answer = self.get("checkpoint").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.headers[header::CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-cache");
        let note = std::str::from_utf8(&answer.body).unwrap();
        let signed = SignedCheckpoint::parse(note).unwrap();
        signed.verify(self.node.coordinator.log_key()).unwrap()
    }

    /// Every tile of hashes of a tree of this size, by its C2SP path.
    async fn tiles(&mut self, size: u64) -> HashMap<String, Vec<u8>> {
        let mut tiles = HashMap::new();
        for tile in Tile::new_tiles(8, 0, size) {
            let path = c2sp(&tile);
            let answer = self.get(&path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert_eq!(
                answer.headers[header::CONTENT_TYPE],
                "application/octet-stream"
            );
            let kept = answer.headers[header::CACHE_CONTROL].to_str().unwrap();
            assert!(kept.contains("immutable"), "{kept}");
            assert_eq!(answer.body.len(), 32 * tile.width() as usize);
            tiles.insert(path, answer.body.to_vec());
        }
        tiles
    }
}

/// `tlog_tiles` names tiles as Go's checksum database does, with their height, and bundles `data`.
fn c2sp(tile: &Tile) -> String {
    let path = tile.path();
    let path = path.strip_prefix("tile/8/").unwrap();
    format!("tile/{}", path.replacen("data", "entries", 1))
}

/// What was fetched. A tile that is not there is an error, as a late one is.
struct Fetched<'a>(&'a HashMap<String, Vec<u8>>);

impl TileReader for Fetched<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| self.0.get(&c2sp(tile)).cloned();
        let read: Option<Vec<_>> = tiles.iter().map(read).collect();
        read.ok_or(Error::InvalidTile)
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The entries of a bundle.
fn entries(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

#[tokio::test]
async fn tlog_tiles_reads_our_tiles_and_finds_every_entry() {
    let mut served = Served::new(300).await;
    let checkpoint = served.checkpoint().await;
    let size = checkpoint.size;
    assert!(size > 300);
    let tiles = served.tiles(size).await;
    assert!(tiles.contains_key("tile/0/000") && tiles.contains_key("tile/1/000.p/1"));
    let fetched = Fetched(&tiles);
    let reader = TileHashReader::new(size, Hash(checkpoint.root), &fetched);
    assert_eq!(tree_hash(size, &reader).unwrap().0, checkpoint.root);

    let partial = format!("tile/entries/001.p/{}", size - 256);
    let mut leaves = Vec::new();
    for path in ["tile/entries/000", &partial] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        leaves.extend(entries(&answer.body));
    }
    assert_eq!(leaves.len() as u64, size);
    let indexes: Vec<u64> = (0..size).map(|index| stored_hash_index(0, index)).collect();
    let hashes = reader.read_hashes(&indexes).unwrap();
    for (leaf, hash) in leaves.iter().zip(&hashes) {
        assert_eq!(record_hash(leaf), *hash);
        Leaf::from_bytes(leaf).unwrap();
    }
    served.node.coordinator.shutdown().await.unwrap();
}

/// Whoever stands between the log and a reader can alter a tile, or withhold it. The reader finds it
/// whichever byte of whichever tile it is.
#[tokio::test]
async fn an_altered_tile_and_a_missing_one_are_found() {
    let mut served = Served::new(260).await;
    let checkpoint = served.checkpoint().await;
    let size = checkpoint.size;
    let tiles = served.tiles(size).await;
    let read = |tiles: &HashMap<String, Vec<u8>>| {
        let fetched = Fetched(tiles);
        let reader = TileHashReader::new(size, Hash(checkpoint.root), &fetched);
        let indexes: Vec<u64> = (0..size).map(|index| stored_hash_index(0, index)).collect();
        let hashes = reader.read_hashes(&indexes).ok()?;
        // What was read must lead to the root that was signed.
        let mut frontier = Frontier::new();
        for hash in hashes {
            let _nodes = frontier.push(hash.0);
        }
        (frontier.root() == checkpoint.root).then_some(frontier.size())
    };
    assert_eq!(read(&tiles), Some(size));
    for path in tiles.keys() {
        for at in [0, tiles[path].len() - 1] {
            let mut altered = tiles.clone();
            altered.get_mut(path).unwrap()[at] ^= 1;
            assert_eq!(read(&altered), None, "{path} {at}");
        }
        let mut missing = tiles.clone();
        missing.remove(path);
        assert_eq!(read(&missing), None, "{path}");
    }
}

#[tokio::test]
async fn what_the_tree_does_not_fill_is_not_there() {
    let mut served = Served::new(0).await;
    let size = served.checkpoint().await.size;
    assert!((2..255).contains(&size));
    for path in [
        "tile/0/000".to_owned(),
        format!("tile/0/000.p/{}", size + 1),
        format!("tile/entries/000.p/{}", size + 1),
        "tile/0/001.p/1".to_owned(),
        "tile/1/000.p/1".to_owned(),
        "tile/7/000.p/1".to_owned(),
        "tile/entries/000".to_owned(),
        "tile/entries/x018/x446/x744/x073/x709/x551/615".to_owned(),
        "tile/8/0/000".to_owned(),
        "tile/0/x000/000.p/1".to_owned(),
        "tile/0/000.p/0".to_owned(),
        "tile/0/000.p/256".to_owned(),
        "tile/data/000.p/1".to_owned(),
        "checkpoints".to_owned(),
        "merits.ledger.v1.Ledger/GetCheckpoint".to_owned(),
        "../../ledger.sqlite".to_owned(),
    ] {
        let answer = served.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        // A cache must not keep this: it may be there soon.
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
    for width in 1..=size {
        for kind in ["0", "entries"] {
            let path = format!("tile/{kind}/000.p/{width}");
            assert_eq!(served.get(&path).await.status, StatusCode::OK, "{path}");
        }
    }
    let posted = served
        .fetcher
        .post("checkpoint", "x".to_owned(), MOST)
        .await;
    assert_eq!(posted.unwrap().status, StatusCode::METHOD_NOT_ALLOWED);
    // The entries stay the same when the log grows.
    let before = served.get("tile/entries/000.p/2").await.body;
    assert_eq!(entries(&before).len(), 2);
    served.node.coordinator.shutdown().await.unwrap();
}
