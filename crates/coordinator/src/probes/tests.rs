use super::*;

const KEY: [u8; 32] = [7; 32];

fn node(n: u16) -> NodeId {
    let mut id = [0; 32];
    id[..2].copy_from_slice(&n.to_be_bytes());
    NodeId(id)
}

fn plan(window: u64, measurers: u16, supporters: u16) -> Plan<'static> {
    let (measurers, supporters) = (usize::from(measurers), usize::from(supporters));
    let looks = Looks { key: &KEY, window: Window(window), per_hour: PER_HOUR };
    Plan { looks, measurers, supporters }
}

fn probe(asked: u64, failed: u64) -> Probe {
    let counts =
        Counts { blocks: asked - failed, on_time: asked - failed, missed: failed, ..Counts::default() };
    Probe { window: Window(1), provider: node(1), measurer: node(9), counts }
}

fn says(probes: &[Probe]) -> Finding {
    findings(probes).get(&node(1)).copied().unwrap_or_default()
}

#[test]
fn a_node_is_looked_at_at_poisson_times_twelve_an_hour_in_the_mean() {
    // Eight measurers among 20 could be assigned 24 looks in a window, and 20 are wanted.
    let hours: Vec<usize> = (0..400_u64)
        .map(|hour| {
            let windows = (hour * 12..hour * 12 + 12).map(|window| plan(window, 8, 20));
            windows.map(|plan| (0..8).filter(|n| plan.has(&node(*n), &node(15))).count()).sum()
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (mean, variance) = {
        let mean = hours.iter().sum::<usize>() as f64 / hours.len() as f64;
        let squares: f64 = hours.iter().map(|looks| (*looks as f64 - mean).powi(2)).sum();
        (mean, squares / hours.len() as f64)
    };
    // Two looks of one measurer into one window are one: of 1.5 in a pair's hour 0.09 coincide.
    assert!((10.5..12.5).contains(&mean), "{mean}");
    assert!(
        (0.7..1.2).contains(&(variance / mean)),
        "a Poisson process varies by its mean: {variance} of {mean}"
    );
}

#[test]
fn a_measurer_looks_at_no_more_than_it_can_be_assigned_and_never_at_itself() {
    let mut looks = 0;
    for window in 0..500 {
        let of = plan(window, 2, 100).of(&node(0), (0..100).map(node));
        assert!(of.len() <= Granted::PER_WINDOW && !of.contains(&node(0)), "{of:?}");
        assert!(of.iter().all(|other| plan(window, 2, 100).has(&node(0), other)));
        looks += of.len();
    }
    assert!((1_000..=1_500).contains(&looks), "nearly as much as it can: {looks}");
}

#[test]
fn another_window_and_another_secret_look_elsewhere() {
    let of = |plan: Plan<'_>| plan.of(&node(0), (0..30).map(node));
    let (one, two) = (plan(1, 1, 30), plan(2, 1, 30));
    assert_eq!(of(one), of(one));
    assert_ne!(of(one), of(two));
    assert_eq!(of(two), of(Plan { looks: one.looks.next(), ..one }));
    assert_ne!(of(one), of(Plan { looks: Looks { key: &[8; 32], ..one.looks }, ..one }));
}

#[test]
fn who_fails_in_half_of_its_probes_drops_and_who_had_a_bad_window_does_not() {
    let (good, bad) = (probe(1_000, 10), probe(1_000, 200));
    assert!(says(&[bad, bad, good]).drops);
    assert!(!says(&[bad, good, good]).drops);
    assert!(!says(&[bad, bad, good, good]).drops, "the lower of two");
    assert!(!says(&[bad, bad]).drops, "too few");
    let tiny = probe(19, 19);
    assert!(!says(&[tiny, tiny, tiny, tiny]).drops, "too few blocks");
    assert_eq!(says(&[]), Finding::default());
}

#[test]
fn what_came_late_and_what_did_not_verify_fails_too() {
    let late = Probe { counts: Counts { blocks: 100, on_time: 80, ..Counts::default() }, ..probe(0, 0) };
    let bad = Probe { counts: Counts { blocks: 80, on_time: 80, bad: 20, ..Counts::default() }, ..late };
    assert!(says(&[late, late, late]).drops && says(&[bad, bad, bad]).drops);
    let all = says(&[late, bad]);
    assert_eq!((all.probes, all.counts.blocks, all.counts.on_time, all.counts.bad), (2, 180, 160, 20));
}
