//! Reading behaviour records: column mapping, bounds, rejects, grouping by subject and period.
