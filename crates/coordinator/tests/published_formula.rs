//! docs/rewards.md says what the program does: its tables are worked out again here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test an unwrap or a panic is an assertion")]

use std::collections::BTreeMap;

use streamr_coordinator::downtime::counted;
use streamr_coordinator::epoch::{Measured, Promise, Purse, Settlement, Standing, Supporter, settle};
use streamr_coordinator::fund::{draw, surplus};
use streamr_coordinator::hour::Hour;
use streamr_coordinator::rewards::Score;
use streamr_coordinator::tiers::TIERS;
use streamr_coordinator_api::{DeclareDowntime, Tier};
use streamr_model::{MicroUnits, NodeId};

const PAGE: &str = include_str!("../../../docs/rewards.md");
const MINUTE_MS: u64 = 60_000;

/// The rows of the table whose first line is `head`, as texts.
fn table(head: &str) -> Vec<Vec<String>> {
    let after = PAGE.split_once(head).unwrap_or_else(|| panic!("the page has no table {head}")).1;
    let rows = after.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn number(text: &str) -> i64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn unsigned(text: &str) -> u64 {
    number(text).try_into().unwrap()
}

/// The number that stands in the page between two texts.
fn between(before: &str, after: &str) -> i64 {
    let text = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = text.split_once(before).unwrap_or_else(|| panic!("the page does not say “{before}”")).1;
    number(rest.split_once(after).unwrap_or_else(|| panic!("nor “{after}” behind it")).0.trim())
}

/// An amount written as 1.23.
fn units(before: &str, after: &str) -> MicroUnits {
    let text = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = text.split_once(before).unwrap_or_else(|| panic!("the page does not say “{before}”")).1;
    let (whole, cents) = rest.split_once(after).unwrap().0.trim().split_once('.').unwrap();
    MicroUnits(number(whole) * 1_000_000 + number(cents) * 10_000)
}

fn example() -> (Measured, Purse) {
    let rows = table("| node | standing | uptime, min | blocks | on time | bad | bytes |");
    let supporter = |row: &Vec<String>| Supporter {
        score: Score {
            uptime_ms: unsigned(&row[2]) * MINUTE_MS,
            blocks: unsigned(&row[3]),
            on_time: unsigned(&row[4]),
            bad: unsigned(&row[5]),
            bytes: unsigned(&row[6]),
            beside: 0,
        },
        undisputed: None,
        standing: match row[1].as_str() {
            "established" => Standing::Established,
            "newcomer" => Standing::Newcomer,
            other => panic!("{other}"),
        },
    };
    let live_min: u64 = between("This hour she was live for", "minutes").try_into().unwrap();
    let measured = Measured {
        stream: "alice".parse().unwrap(),
        hour: Hour(500_000),
        live_ms: live_min * MINUTE_MS,
        promise: Some(Promise { per_hour: units("Alice promises", "EUR"), currency: "EUR".parse().unwrap() }),
        supporters: (1..).zip(&rows).map(|(id, row)| (NodeId([id; 32]), supporter(row))).collect(),
    };
    let purse = Purse {
        pool: units("Her pool holds", "EUR"),
        fund: units("her stability fund", "EUR"),
        inflow: units("stability fund 2.00 EUR, and", "EUR"),
    };
    (measured, purse)
}

#[test]
fn the_example_pays_each_node_what_the_page_says() {
    let (measured, purse) = example();
    assert_eq!(measured.supporters.len(), 3);
    let Settlement { shares, .. } = settle(&measured, &purse);
    let rows = table("| node | uptime | quality | bandwidth | together |");
    let published: BTreeMap<NodeId, Vec<i64>> = (1..)
        .zip(&rows)
        .map(|(id, row)| (NodeId([id; 32]), row[1..].iter().map(|cell| number(cell)).collect()))
        .collect();
    let computed: BTreeMap<NodeId, Vec<i64>> = shares
        .iter()
        .map(|(node, parts)| {
            (*node, parts.to_array().iter().map(|part| part.0).chain([parts.total().0]).collect())
        })
        .collect();
    assert_eq!(published, computed);
}

#[test]
fn the_example_takes_and_leaves_what_the_page_says() {
    let (measured, purse) = example();
    let settlement = settle(&measured, &purse);
    assert_eq!(measured.promised().0, between("The hour is worth", ":"));
    assert_eq!(settlement.draw.from_pool.0, between("The hour is worth 4,500,000:", "come from the pool"));
    assert_eq!(settlement.draw.from_fund.0, between("come from the pool,", "from the fund"));
    assert_eq!(settlement.withheld.0, between("a quarter is 1,125,000, so", "go into the fund"));
    let left = settlement.leaves(&purse);
    assert_eq!(left.pool.0, between("Afterwards the pool holds", "and the fund"));
    assert_eq!(left.fund.0, between("Afterwards the pool holds 0 and the fund", "."));
    let quality: Vec<i64> = measured
        .supporters
        .values()
        .map(|supporter| i64::try_from(supporter.score.quality_ppm()).unwrap())
        .collect();
    let published = [
        between("The weights for quality are", ", 947"),
        between("The weights for quality are 994,703,", "and"),
        between("947,997 and", "."),
    ];
    assert_eq!(quality, published);
}

#[test]
fn pool_and_fund_share_a_promise_as_the_page_says() {
    let head = "| pool | fund | deposited in 4 weeks | promised | from pool | from fund | surplus | pool after | fund after |";
    let rows = table(head);
    assert_eq!(rows.len(), 4);
    for row in rows {
        let row: Vec<i64> = row.iter().map(|cell| number(cell)).collect();
        let [pool, fund, inflow, promised] = [row[0], row[1], row[2], row[3]].map(MicroUnits);
        let purse = Purse { pool, fund, inflow };
        let draw = draw(&purse, promised);
        let surplus = surplus(&purse, draw, MicroUnits(0)).0;
        let after = (pool.0 - draw.from_pool.0 - surplus, fund.0 - draw.from_fund.0 + surplus);
        let computed = [draw.from_pool.0, draw.from_fund.0, surplus, after.0, after.1];
        assert_eq!(computed, row[4..], "{row:?}");
    }
}

#[test]
fn declared_downtime_counts_as_the_page_says() {
    let rows = table("| there, min | declared, min | live, min | counted, min |");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let minutes = |cell: usize| unsigned(&row[cell]) * MINUTE_MS;
        assert_eq!(counted(minutes(0), minutes(1), minutes(2)), minutes(3), "{row:?}");
    }
    assert_eq!(between("Downtime lasts", "minutes"), 10);
    assert_eq!(DeclareDowntime::SHORTEST_MS, 10 * MINUTE_MS);
    assert_eq!(DeclareDowntime::LEAD_MS, 60 * MINUTE_MS);
    assert_eq!(
        between("10 minutes to", "hours;").unsigned_abs() * 60 * MINUTE_MS,
        DeclareDowntime::LONGEST_MS
    );
    assert_eq!(
        between("together at most", "hours.").unsigned_abs() * 60 * MINUTE_MS,
        DeclareDowntime::IN_A_WEEK_MS
    );
}

#[test]
fn the_tiers_take_what_the_page_says() {
    let rows = table("| tier | bytes that others signed for | hours there while the stream was live |");
    let published: Vec<_> =
        rows.iter().map(|row| (row[0].as_str(), unsigned(&row[1]), unsigned(&row[2]))).collect();
    let name = |tier| match tier {
        Tier::NodeOperator => "Node Operator",
        Tier::StreamGuardian => "Stream Guardian",
        Tier::NetworkPioneer => "Network Pioneer",
    };
    assert_eq!(published, TIERS.map(|tier| (name(tier.tier), tier.bytes, tier.live_hours)));
}
