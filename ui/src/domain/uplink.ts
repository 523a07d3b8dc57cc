//! What is known about the uplink and how much of it is used, in a sentence or two.

import type { UplinkView } from '../generated/UplinkView';
import { rate } from '../lib/format';
import { words } from '../lib/words';

/** Says what is not known as plainly as what is. */
export function uplinkSentence(uplink: UplinkView): string {
  const say = words.uplink;
  const measured =
    uplink.measured_bps === null
      ? say.unknown
      : uplink.is_limit
        ? say.about(rate(uplink.measured_bps), rate(uplink.share_bps))
        : say.atLeast(rate(uplink.measured_bps));
  return uplink.gives_way ? `${measured} ${say.givingWay(rate(uplink.rate_now_bps))}` : measured;
}
