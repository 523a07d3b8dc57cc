//! Multivariant playlists: what an origin offers, what of it can be carried, and what local players get.
//!
//! A variant stream is a rendition of ours: one media playlist with picture and sound in the same segments.
//! One whose sound or picture stands in a playlist of its own (EXT-X-MEDIA with a URI) would play without
//! it, and is left out. Subtitles that stand apart are not carried either; the variant is.

use std::fmt::Write as _;

use streamr_model::Manifest;
use url::Url;

use crate::attributes::{Attributes, MAX_ATTRIBUTES};

/// Attributes that lead to an EXT-X-MEDIA tag, and those are not passed on.
const GROUPS: [&str; 4] = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];

/// One variant stream of a multivariant playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: Url,
    /// BANDWIDTH, in bits per second; 0 where the origin does not say.
    pub bandwidth_bps: u64,
    /// RESOLUTION, width and height.
    pub resolution: Option<(u32, u32)>,
    /// Its attribute list as it is passed on: BANDWIDTH first, then CODECS, RESOLUTION, FRAME-RATE and
    /// whatever else the origin wrote, except groups; at most [`Manifest::MAX_VARIANT_LEN`] bytes.
    pub attributes: String,
    /// Whether its sound or its picture is only to be had from another playlist.
    pub is_apart: bool,
}

/// The variants that can be carried, and how many cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renditions {
    /// In the origin's order: the place of each is its `RenditionId`. At most
    /// [`Manifest::MAX_RENDITIONS`], each with a media playlist of its own.
    pub carried: Vec<Variant>,
    /// So many keep sound or picture apart.
    pub apart: usize,
    /// So many are more than are carried.
    pub too_many: usize,
}

impl Renditions {
    /// Of `variants`, in the origin's order.
    pub fn of(variants: Vec<Variant>) -> Self {
        let mut renditions = Self::default();
        for variant in variants {
            if variant.is_apart {
                renditions.apart += 1;
            } else if renditions.carried.iter().any(|known| known.uri == variant.uri) {
                // The same media, with another group for its captions.
            } else if renditions.carried.len() < Manifest::MAX_RENDITIONS {
                renditions.carried.push(variant);
            } else {
                renditions.too_many += 1;
            }
        }
        renditions
    }

    /// What a manifest says of them: nothing where there is nothing to choose.
    pub fn attributes(&self) -> Vec<String> {
        let is_choice = self.carried.len() > 1;
        self.carried.iter().filter(|_| is_choice).map(|variant| variant.attributes.clone()).collect()
    }
}

/// The multivariant playlist for local players: the media playlist that `uri` gives for each of `lists`, the
/// attribute lists that a manifest carries.
///
/// A signer is trusted for its stream's bytes, not for the shape of our playlist: whatever the lists are,
/// each makes one EXT-X-STREAM-INF with a BANDWIDTH.
pub fn render(lists: &[String], uri: impl Fn(usize) -> String) -> String {
    let mut text = String::from("#EXTM3U\n");
    for (at, list) in lists.iter().enumerate() {
        let list = Attributes::read(list).unwrap_or_default();
        let bandwidth_bps = bandwidth_bps(&list);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "#EXT-X-STREAM-INF:{}\n{}", passed_on(&list, bandwidth_bps), uri(at));
    }
    text
}

/// BANDWIDTH; 0 where it is missing or no number.
pub(crate) fn bandwidth_bps(list: &Attributes<'_>) -> u64 {
    list.text("BANDWIDTH").and_then(crate::guard::sequence).unwrap_or(0)
}

/// See [`Variant::attributes`].
pub(crate) fn passed_on(list: &Attributes<'_>, bandwidth_bps: u64) -> String {
    let mut text = format!("BANDWIDTH={bandwidth_bps}");
    let mut written = vec!["BANDWIDTH"];
    for (name, raw) in list.iter() {
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        let is_plain = !name.is_empty() && name.bytes().all(is_name) && !raw.contains(char::is_control);
        let fits = text.len() + name.len() + raw.len() + 2 <= Manifest::MAX_VARIANT_LEN
            && written.len() < MAX_ATTRIBUTES;
        if is_plain && fits && !GROUPS.contains(&name) && !written.contains(&name) {
            let _ = write!(text, ",{name}={raw}");
            written.push(name);
        }
    }
    text
}
