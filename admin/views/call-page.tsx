/** @jsxImportSource hono/jsx */
/**
 * One call: why it went as it did, what was decided, its ladder, what both sides said of their
 * audio, and what became of it. Everything that came by SIP is text here, whatever it looks like.
 */
import type { CallReport, CallTrace, TracedParty } from "../../gateway/b2bua/call-trace.ts";
import type { CallRecord, CallStatus, Finding, PartyQuality } from "../../gateway/b2bua/status.ts";
import { exchangesOf, type SdpLine } from "../evidence/sdp-difference.ts";
import { Ladder } from "./ladder.tsx";
import { Page } from "./layout.tsx";
import { Badge, Card, Facts, type Tone } from "./parts.tsx";

type DirectionQuality = NonNullable<PartyQuality["received"]>;
type Endpoint = TracedParty["remote"];

interface Props {
  readonly report: CallReport;
  /** A connection's name by its id. */
  readonly nameOf: (connection: number) => string | undefined;
}

export function CallPage({ report, nameOf }: Props) {
  const { status, record, trace, findings } = report;
  const call = record ?? status;
  if (!call) return null;
  const { id } = call;
  return (
    <Page
      title={`${call.caller} → ${call.callee}`}
      at="/calls"
      up={{ path: "/calls", name: "Calls" }}
      script="call"
      actions={
        <>
          {status ? (
            <>
              <button
                type="button"
                class="button"
                id="transfer"
                data-caller={call.caller}
                data-callee={call.callee}
              >
                Transfer
              </button>
              <button type="button" class="button danger" id="hang-up">
                Hang up
              </button>
            </>
          ) : null}
          <a class="button" href={`/api/v1/calls/${id}/text`}>
            Text
          </a>
          {trace ? (
            <a class="button" href={`/api/v1/calls/${id}/pcap`}>
              pcap
            </a>
          ) : null}
        </>
      }
    >
      <Findings findings={findings} isLive={status !== undefined} nameOf={nameOf} />
      <div class="pair">
        <Card id="facts" title="The call">
          <Facts rows={factsOf(call, record, nameOf)} />
        </Card>
        <Card id="decisions" title="What was decided">
          {trace ? <Decisions trace={trace} /> : <p class="soft">{GONE}</p>}
        </Card>
      </div>
      {trace && trace.messages.length > 0 ? (
        <Card id="ladder" title="Messages" note="Open one to read it. Secrets are masked.">
          <Ladder trace={trace} />
        </Card>
      ) : null}
      {trace ? <Media trace={trace} call={call} /> : null}
      <section class="card" id="timeline" data-call={id} hidden>
        <div class="head">
          <h2>Audio over time</h2>
        </div>
        <table class="cards fit timeline" aria-label="How the audio went" />
      </section>
      {trace ? <Descriptions trace={trace} /> : null}
    </Page>
  );
}

const GONE = "Its messages made room for newer calls, or the gateway was started since.";

const TONES: Readonly<Record<Finding["weight"], Tone>> = {
  fault: "bad",
  note: "warn",
  fine: "good",
};

function Findings(props: {
  findings: readonly Finding[];
  isLive: boolean;
  nameOf: Props["nameOf"];
}) {
  const { findings, isLive, nameOf } = props;
  if (findings.length === 0) {
    const text = isLive
      ? "In progress: nothing is amiss so far."
      : "Nothing is known of how it went.";
    return <section class="verdict busy">{text}</section>;
  }
  return (
    <section class="verdicts" aria-label="Why it went as it did">
      {findings.map(({ cause, sentence, suggestion, field, weight }, index) => (
        <div class={`verdict ${TONES[weight]}`} data-cause={cause}>
          <p class={index === 0 ? "main" : ""}>{sentence}</p>
          <p>
            {suggestion}{" "}
            {field ? (
              <a href={`/connections/${field.connection}?field=${encodeURIComponent(field.path)}`}>
                {nameOf(field.connection) ?? "The connection"}: {field.path}
              </a>
            ) : null}
          </p>
        </div>
      ))}
    </section>
  );
}

function factsOf(
  call: CallStatus | CallRecord,
  record: CallRecord | undefined,
  nameOf: Props["nameOf"],
) {
  const { answered, connection, codecs, mode, trunkEncryption, notices } = call;
  const over =
    connection === undefined ? "none" : (nameOf(connection) ?? `connection ${connection}`);
  const state = record ? (
    <>
      <Badge tone={record.status < 300 ? "good" : record.status === 487 ? "idle" : "bad"}>
        {record.status}
      </Badge>{" "}
      by the {record.endedBy}: {record.reason}
    </>
  ) : (
    <Badge tone="busy">{"state" in call ? call.state : ""}</Badge>
  );
  return [
    ["State", state],
    ["Direction", call.direction],
    ["Over", over],
    ["Began", <Time at={call.started} />],
    ["Answered", answered === undefined ? "no" : <Time at={answered} />],
    ...(record ? [["Ended", <Time at={record.ended} />] as const] : []),
    ["Codecs", codecs ? `${codecs.webrtc} ↔ ${codecs.trunk}` : "–"],
    ["Mode", mode ?? "–"],
    ["PBX's audio", trunkEncryption ?? "–"],
    ...(record?.cause === undefined ? [] : [["Q.850", String(record.cause)] as const]),
    ...(notices ?? []).map((notice) => ["Notice", notice] as const),
    ["Id", <code>{call.id}</code>],
  ] as const;
}

/** As the reader's own clock says, once the script is there. */
function Time({ at }: { at: number }) {
  return (
    <time data-at={at} datetime={new Date(at).toISOString()}>
      {new Date(at).toISOString()}
    </time>
  );
}

function Decisions({ trace }: { trace: CallTrace }) {
  return (
    <ol class="decisions">
      {trace.decisions.map(({ at, about, text }) => (
        <li>
          <span class="when">{((at - trace.started) / 1_000).toFixed(2)} s</span>
          <span class="tag">{about}</span>
          <span>{text}</span>
        </li>
      ))}
    </ol>
  );
}

function Media({ trace, call }: { trace: CallTrace; call: CallStatus | CallRecord }) {
  const measured = trace.parties.filter(({ media }) => media !== undefined);
  if (measured.length === 0) return null;
  return (
    <Card id="media" title="Audio" padded={false}>
      <table class="cards fit" aria-label="What became of the audio">
        <thead>
          <tr>
            {MEDIA_COLUMNS.map((name) => (
              <th scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {measured.map((party) => (
            <MediaRow party={party} call={call} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

const MEDIA_COLUMNS = ["Party", "Path", "Keys", "Packets in / out", "Not used", "To us", "From us"];

function MediaRow({ party, call }: { party: TracedParty; call: CallStatus | CallRecord }) {
  const { media } = party;
  if (!media) return null;
  const quality = call.quality?.find(({ kind }) => kind === media.kind);
  const dropped = Object.entries(media.dropped).map(([why, count]) => `${count} ${why}`);
  const ice = media.ice
    ? `ICE: ${media.ice.checks} checks, ${media.ice.isNominated ? "pair nominated" : "none nominated"}`
    : "";
  const strange = media.stranger ? `also from ${placeOf(media.stranger)}, not let in` : "";
  const cells = [
    [party.name, media.codec ?? "no codec"],
    [placeOf(media.remote), ice || (media.signalled ? `SDP: ${placeOf(media.signalled)}` : "")],
    [KEYS[media.dtls ?? "none"], media.isSealed ? "end to end" : ""],
    [`${media.packetsReceived} / ${media.packetsSent}`, media.hasReports ? "" : "no RTCP from it"],
    [dropped.join(", ") || "–", strange],
    soundOf(quality?.received, quality?.roundTripMs),
    soundOf(quality?.sent, quality?.roundTripMs),
  ];
  return (
    <tr>
      {cells.map(([text, note], index) => (
        <td data-label={MEDIA_COLUMNS[index]}>
          <div>
            {text}
            {note ? <span class="note">{note}</span> : null}
          </div>
        </td>
      ))}
    </tr>
  );
}

const KEYS = {
  none: "–",
  waiting: "DTLS: never begun",
  begun: "DTLS: never finished",
  keyed: "DTLS: done",
} as const;

function soundOf(way: DirectionQuality | undefined, roundTripMs: number | undefined) {
  if (!way) return ["–", ""];
  const trip = roundTripMs === undefined ? "" : `, round trip ${roundTripMs} ms`;
  const basis = way.basis === "estimated" ? ", estimated" : "";
  const loss = `${(way.loss * 100).toFixed(1)} % lost, jitter ${way.jitterMs} ms${trip}${basis}`;
  return [`MOS ${way.mos.toFixed(1)}, ${way.mosWorst.toFixed(1)} at worst`, loss];
}

function placeOf(endpoint: Endpoint | undefined): string {
  if (!endpoint) return "nowhere yet";
  const { address, port } = endpoint;
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function Descriptions({ trace }: { trace: CallTrace }) {
  return (
    <>
      {exchangesOf(trace).map(({ party, offeredByPeer, offer, answer }) => {
        const name = trace.parties[party]?.name ?? "";
        const [first, second] = offeredByPeer ? [name, "Jackfield"] : ["Jackfield", name];
        const title = `Audio as described: ${name}`;
        return (
          <Card
            id={`sdp-${party}`}
            title={title}
            note="Marked is what the other description has not; keys, candidates and the like aside."
          >
            <div class="pair">
              <Sdp title={`${first} offers`} lines={offer} />
              <Sdp
                title={answer.length > 0 ? `${second} answers` : `${second} did not answer`}
                lines={answer}
              />
            </div>
          </Card>
        );
      })}
    </>
  );
}

function Sdp({ title, lines }: { title: string; lines: readonly SdpLine[] }) {
  return (
    <div class="sdp">
      <h3>{title}</h3>
      <pre tabindex={0} hidden={lines.length === 0}>
        {lines.map(({ text, isOnlyHere }) => (
          <>
            {isOnlyHere ? <mark>{text}</mark> : text}
            {"\n"}
          </>
        ))}
      </pre>
    </div>
  );
}
