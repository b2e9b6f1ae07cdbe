//! Criterion's benchmarks (`cargo bench -p merits-criterion`) in a separate crate, so that neither
//! the command nor the tests wait for criterion. Whole runs and comparisons are `merits bench`.
