//! A measured span: it begins and ends with a publication, so that it holds whole segments' worth of bytes.

use std::ops::Range;
use std::time::Duration;

use streamr_testnet::node::now_ms;

use crate::bounds::float;
use crate::error::Result;
use crate::judge::Judge;
use crate::line::Traffic;
use crate::origin::Release;
use crate::swarm::Swarm;

/// How often a publication is looked for. What leaves the origin in between is counted to the span before.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The signer sees a segment up to this much after its publication, and its deadline counts from there.
const SIGHT: Duration = Duration::from_millis(500);

/// A span under way.
#[derive(Debug)]
pub struct Span {
    first: Release,
    before: Traffic,
    media_before: u64,
    judged: usize,
}

/// What was measured over a span.
#[derive(Debug)]
pub struct Measured {
    /// The judge of the segments whose deadlines lie in the span; it has heard nobody yet.
    pub judge: Judge,
    /// Bytes that the origin's side sent over its line ÷ bytes of distinct segments.
    pub copies: f64,
    /// The same with the media alone, as the nodes count it: what headers, control and drops do not explain.
    pub media_copies: f64,
    /// From the first publication to the last, in Unix milliseconds.
    pub time_ms: Range<u64>,
}

impl Span {
    /// Begins with the next publication and judges `segments` segments from it on.
    pub fn begin(swarm: &mut Swarm, segments: usize) -> Result<Self> {
        let seen = swarm.origin().releases()?.len();
        let first = wait_for_release(swarm, seen)?;
        let (before, media_before) = (swarm.origin_traffic()?, media_from_origin(swarm)?);
        Ok(Self { first, before, media_before, judged: segments })
    }

    /// Whether the last judged segment's deadline has passed; then [`Self::finish`] has little to wait for.
    pub fn is_over(&self, swarm: &Swarm) -> bool {
        now_ms()
            >= self.first.at_ms + millis(self.length(swarm).saturating_sub(swarm.options().shape.segment))
    }

    /// Runs the swarm to the end and measures.
    pub fn finish(self, swarm: &mut Swarm) -> Result<Measured> {
        let segment = swarm.options().shape.segment;
        let count = self.length(swarm).as_millis().div_ceil(segment.as_millis().max(1));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let first = usize::try_from(self.first.sequence).unwrap_or(usize::MAX);
        let last = wait_for_release(swarm, first + count)?;
        let sent = swarm.origin_traffic()?.since(self.before).sent_bytes;
        let media = media_from_origin(swarm)?.saturating_sub(self.media_before);
        let releases = swarm.origin().releases()?;
        let bytes = float(swarm.options().shape.segment_bytes() * count as u64);
        Ok(Measured {
            judge: Judge::new(millis(swarm.options().live_delay), &releases[first..first + self.judged]),
            copies: float(sent) / bytes,
            media_copies: float(media) / bytes,
            time_ms: self.first.at_ms..last.at_ms,
        })
    }

    /// The judged segments and the last one's time until its deadline.
    fn length(&self, swarm: &Swarm) -> Duration {
        let options = swarm.options();
        options.shape.segment * u32::try_from(self.judged.saturating_sub(1)).unwrap_or(u32::MAX)
            + options.live_delay
            + SIGHT
    }
}

impl Measured {
    /// Lets the judge hear every node that is there now, and that was there all the time.
    pub fn hear_all(&mut self, swarm: &Swarm) -> Result<()> {
        for (node, snapshot) in swarm.snapshots()?.iter().enumerate() {
            if let Some(snapshot) = snapshot {
                self.judge.hear(node, snapshot, self.time_ms.clone())?;
            }
        }
        Ok(())
    }
}

/// The release number `index`, once it is there.
fn wait_for_release(swarm: &mut Swarm, index: usize) -> Result<Release> {
    loop {
        if let Some(release) = swarm.origin().releases()?.get(index) {
            return Ok(*release);
        }
        swarm.let_run(LOOK_EVERY)?;
    }
}

/// Verified bytes that the nodes got from the origin's side, those that have left not counted.
fn media_from_origin(swarm: &Swarm) -> Result<u64> {
    let snapshots = swarm.snapshots()?;
    Ok(snapshots.iter().flatten().map(|snapshot| snapshot.live.bytes_origin).sum())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
