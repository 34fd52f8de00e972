/**
 * Presets of the set-up (CON-28): what a PBX or carrier is known to want, as data. A preset says
 * which fields a person fills in, in the order in which the provider's mail gives them, and what the
 * rest of the connection is.
 */
import type { ConnectionType, SipTransport, TrunkCodec } from "../schema/config.ts";
import threeCx from "./presets/3cx.json" with { type: "json" };
import asterisk from "./presets/asterisk.json" with { type: "json" };
import bandwidth from "./presets/bandwidth.json" with { type: "json" };
import freepbx from "./presets/freepbx.json" with { type: "json" };
import freeswitch from "./presets/freeswitch.json" with { type: "json" };
import fritzbox from "./presets/fritzbox.json" with { type: "json" };
import genericRegistration from "./presets/generic-registration.json" with { type: "json" };
import genericTrunk from "./presets/generic-trunk.json" with { type: "json" };
import sipgate from "./presets/sipgate.json" with { type: "json" };
import telnyx from "./presets/telnyx.json" with { type: "json" };
import thevoco from "./presets/thevoco.json" with { type: "json" };
import twilio from "./presets/twilio.json" with { type: "json" };

export interface PresetField {
  readonly name: "host" | "port" | "username" | "authId" | "password" | "allow";
  readonly label: string;
  readonly placeholder?: string;
  readonly note?: string;
  readonly required?: boolean;
  /** What stands there to begin with. */
  readonly value?: string;
}

export interface Preset {
  readonly id: string;
  readonly name: string;
  readonly kind: "pbx" | "carrier";
  /** What of it is meant, in a few words. */
  readonly hint: string;
  /** What to do there first. */
  readonly steps: readonly string[];
  readonly fields: readonly PresetField[];
  readonly connection: {
    readonly type: ConnectionType;
    readonly transport: SipTransport;
    /** Numbers that go there, to begin with. */
    readonly patterns: readonly string[];
    readonly codecs?: readonly TrunkCodec[];
    readonly optionsInterval?: number;
    readonly sendIdentity?: "rpid";
  };
}

/** In the order they are offered. */
export const PRESETS = [
  asterisk,
  freepbx,
  freeswitch,
  threeCx,
  fritzbox,
  genericRegistration,
  twilio,
  telnyx,
  bandwidth,
  sipgate,
  thevoco,
  genericTrunk,
] as readonly object[] as readonly Preset[];
