//! The names of zones that a mapping may give.
//!
//! The zones are those that the program carries, and never the machine's: two machines must find
//! the same periods, and a machine's folder has files that are not the clock of a place.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::TimeMappingError;

/// RFC 9636's abbreviation for the time of a place whose time nobody has set.
const NO_LOCAL_TIME: &str = "-00";

/// The clock that a mapping names.
pub(super) fn zone(name: &str) -> Result<TimeZone, TimeMappingError> {
    // Of the length that an error can show.
    let shown = || name.chars().take(60).collect();
    let no_place = |why| TimeMappingError::NoPlace { zone: shown(), why };
    match TimeZoneDatabase::bundled().get(name) {
        Ok(zone) if has_local_time(&zone) => Ok(zone),
        Ok(_) => Err(no_place("it says that nobody has set a zone")),
        Err(_) => Err(match of_a_machine(name) {
            Some(why) => no_place(why),
            None => TimeMappingError::UnknownZone { zone: shown() },
        }),
    }
}

/// Whether clocks show a time there today. Some places had none in the past.
fn has_local_time(zone: &TimeZone) -> bool {
    // 2026-01-01T00:00Z.
    let today = Timestamp::constant(1_767_225_600, 0);
    !zone.is_unknown() && zone.to_offset_info(today).abbreviation() != NO_LOCAL_TIME
}

/// What a name means that machines have beside the zones.
fn of_a_machine(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let folder = name.split('/').next().unwrap_or_default();
    match folder {
        "local" | "localtime" => {
            Some("it is the zone that a machine is set to, and machines differ")
        }
        "posixrules" => Some("it is another zone's rules, and machines differ"),
        "posix" | "right" => Some(
            "it is a machine's copy of the database, and not all machines have it: leave out that folder",
        ),
        "leapseconds" | "leap-seconds.list" | "tzdata.zi" | "+version" => {
            Some("it is not a zone's file")
        }
        table if table.ends_with(".tab") => Some("it is not a zone's file"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: all of these were a clock on a machine that has the files, and some of them were
    /// UTC.
    #[test]
    fn what_is_no_place_is_refused_with_why() {
        for (name, why) in [
            ("Factory", "nobody has set a zone"),
            ("factory", "nobody has set a zone"),
            ("Etc/Unknown", "nobody has set a zone"),
            ("etc/unknown", "nobody has set a zone"),
            ("localtime", "machines differ"),
            ("Local", "machines differ"),
            ("posixrules", "machines differ"),
            ("posix/Europe/Berlin", "leave out that folder"),
            ("right/UTC", "leave out that folder"),
            ("posix", "leave out that folder"),
            ("leapseconds", "not a zone's file"),
            ("leap-seconds.list", "not a zone's file"),
            ("tzdata.zi", "not a zone's file"),
            ("zone1970.tab", "not a zone's file"),
        ] {
            let said = zone(name).expect_err(name).to_string();
            for part in [name, why, "Europe/Berlin", "UTC"] {
                assert!(said.contains(part), "{name}: {said}");
            }
        }
        for name in ["", " ", "Mars/Olympus", "../UTC", "/etc/localtime", "UTC+1"] {
            let fault = zone(name).expect_err(name);
            assert!(
                matches!(fault, TimeMappingError::UnknownZone { .. }),
                "{name}: {fault}"
            );
        }
    }

    /// The rule refuses no place, for any later release of the database.
    #[test]
    fn of_the_zones_that_travel_along_one_is_no_place() {
        let names: Vec<String> = TimeZoneDatabase::bundled()
            .available()
            .map(|name| name.to_string())
            .collect();
        assert!(names.len() > 500, "{}", names.len());
        let refused: Vec<&String> = names.iter().filter(|name| zone(name).is_err()).collect();
        assert_eq!(refused, ["Factory"]);
        // Nobody lived there until 2005.
        assert!(zone("Antarctica/Troll").is_ok());
        for name in ["UTC", "utc", "Etc/GMT-14", "EST5EDT", "europe/berlin"] {
            assert!(zone(name).is_ok(), "{name}");
        }
    }
}
