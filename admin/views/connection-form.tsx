/** @jsxImportSource hono/jsx */
/** The form's parts that few people need: sections that open, in `connection-page`. */
import type { NamedInterface } from "../../gateway/own-place.ts";
import type { Connection } from "../../schema/config.ts";
import { Check, Choice, Field, Group, type Options, Section } from "./fields.tsx";
import { ListEditor, OrderEditor } from "./list-fields.tsx";

const VERIFY = [
  ["", "Checked as usual"],
  ["strict", "Name and chain must be right"],
  ["pin", "This one certificate alone"],
  ["off", "Any certificate: anybody could pose as the PBX"],
] as const;
const ENCRYPTION = [
  ["", "Not encrypted (RTP)"],
  ["sdes", "SRTP, keys in the signalling (SDES)"],
  ["dtls", "SRTP, keys by DTLS"],
] as const;
const DTMF_MODES = [
  ["", "Telephone events (RFC 4733)"],
  ["info", "SIP INFO"],
  ["inband", "Tones in the audio"],
] as const;
const ANNOUNCEMENTS = [
  ["none", "It is refused without a sound"],
  ["early", "A tone or an announcement, then the refusal"],
  ["answered", "A tone or an announcement in an answered call"],
] as const;
const STRATEGIES = [
  ["ordered", "By weight"],
  ["round-robin", "In turn"],
  ["least-busy", "The one with most places left"],
  ["weighted", "By chance, in proportion to the share"],
] as const;
const NAT_CHOICES = [
  ["", "As its address says"],
  ["yes", "Yes: it is told the public address"],
  ["no", "No: it is told our own, and audio goes where it says"],
] as const;
const IDENTITIES = [
  ["", "P-Asserted-Identity"],
  ["rpid", "Remote-Party-ID"],
  ["both", "Both"],
  ["none", "Not told"],
] as const;
const CODECS = [
  ["G722", "G.722", "wideband"],
  ["PCMA", "G.711 A-law", "Europe and most of the world"],
  ["PCMU", "G.711 µ-law", "North America, Japan"],
  ["opus", "Opus", "where the PBX speaks it"],
] as const;

export interface PartProps {
  readonly item: Connection | undefined;
  readonly users: Options;
  /** Of the settings. */
  readonly interfaces: readonly NamedInterface[];
}

function nameOf(options: Options, value: string | undefined): string {
  return options.find(([it]) => it === (value ?? ""))?.[1] ?? "";
}

export function AudioSection({ item }: PartProps) {
  const codecs = item?.codecs ?? ["G722", "PCMA", "PCMU"];
  return (
    <Section
      title="Audio"
      summary={[codecs.join(", "), nameOf(ENCRYPTION, item?.mediaEncryption)].join(" · ")}
      plain
    >
      <div class="fields">
        <div class="whole">
          <span class="label">Codecs, best first</span>
          <OrderEditor name="codecs" label="Codecs" options={CODECS} chosen={codecs} />
        </div>
        <Choice item={item} name="mediaEncryption" label="Encryption" options={ENCRYPTION} />
        <Choice item={item} name="dtmfMode" label="Keys (DTMF)" options={DTMF_MODES} />
        <Choice
          item={item}
          name="announcements"
          label="When a call comes to nothing"
          options={ANNOUNCEMENTS}
        />
        <Field
          item={item}
          name="holdMusic"
          label="Music on hold"
          placeholder="waiting.wav"
          note="A WAV file in the data directory's folder sounds. Empty: silence."
        />
        <Check
          item={item}
          name="transcoding"
          label="Transcoded where codecs differ"
          note="Over TLS this may be left out; with DTLS the audio is then encrypted from end to end."
          byDefault
        />
        <Check item={item} name="keysInClear" label="SDES keys even where signalling is not TLS" />
        <Check item={item} name="encryptionOptional" label="In the clear if the PBX has no SRTP" />
      </div>
    </Section>
  );
}

export function LimitsSection({ item }: PartProps) {
  const limit = item?.maxCalls === undefined ? "no limit" : `${item.maxCalls} calls at once`;
  const group = item?.failoverGroup ? `group ${item.failoverGroup.name}` : "no failover";
  return (
    <Section title="Limits and failover" summary={`${limit} · ${group}`} plain>
      <p class="hint">Calls at once; empty: as many as there are.</p>
      <div class="fields">
        <Field item={item} name="maxCalls" label="All calls" as="number" />
        <Field item={item} name="maxInbound" label="From the PBX" as="number" />
        <Field item={item} name="maxOutbound" label="To the PBX" as="number" />
      </div>
      <p class="hint">Where else the PBX is when its host does not answer, in this order.</p>
      <ListEditor
        name="furtherHosts"
        items={item?.furtherHosts ?? []}
        add="Add a host"
        noun="host"
        ordered
        row={(row) => (
          <>
            <Field item={row} name="host" label="Further host" mono />
            <Field item={row} name="port" label="Its port" as="number" placeholder="5060" />
          </>
        )}
      />
      <p class="hint">Connections of one group stand in for each other.</p>
      <fieldset data-object="failoverGroup" data-by="first">
        <div class="fields">
          <Field item={item} name="failoverGroup.name" label="Group" placeholder="none" />
          <Choice
            item={item}
            name="failoverGroup.strategy"
            label="Asked first"
            options={STRATEGIES}
          />
          <Field item={item} name="failoverGroup.share" label="Share" as="number" placeholder="1" />
        </div>
      </fieldset>
    </Section>
  );
}

export function IdentitySection({ item }: PartProps) {
  return (
    <Section
      title="Identity and registration"
      summary={`caller by ${nameOf(IDENTITIES, item?.sendIdentity)}`}
    >
      <Field item={item} name="authId" label="Authentication ID" note="If not the user name" />
      <Field item={item} name="fromUser" label="From user" note="If not the user name" />
      <Field item={item} name="fromDomain" label="From domain" note="If not the host" />
      <Field item={item} name="realm" label="Realm" placeholder="*" note="* is whatever is asked" />
      <Field
        item={item}
        name="registrationExpires"
        label="Registered for"
        as="number"
        placeholder="300"
        note="Seconds"
      />
      <Field
        item={item}
        name="optionsInterval"
        label="Asked whether it is there"
        as="number"
        placeholder="never"
        note="Every so many seconds (OPTIONS)"
      />
      <Choice item={item} name="sendIdentity" label="The caller is told by" options={IDENTITIES} />
      <Check item={item} name="trustIdentity" label="Its word on who calls is believed" />
    </Section>
  );
}

export function CertificateSection({ item }: PartProps) {
  return (
    <Section
      title="Certificates"
      of="tls"
      summary={nameOf(VERIFY, item?.tls?.verify)}
      note="For TLS. Files are PEM, on the gateway's own machine."
    >
      <Choice item={item} name="tls.verify" label="The PBX's certificate" options={VERIFY} />
      <Field item={item} name="tls.pin" label="SHA-256 of the one" mono />
      <Field item={item} name="tls.caFile" label="Authorities" mono />
      <Field item={item} name="tls.certificateFile" label="Our certificate" mono />
      <Field item={item} name="tls.keyFile" label="Its key" mono />
    </Section>
  );
}

/** CON-20, CON-21, NAT-01: which of our addresses it is for this connection. */
export function PlaceSection({ item, interfaces }: PartProps) {
  const named = (list: readonly NamedInterface[]) =>
    list.map(({ name, address }) => [name, `${name} (${address})`] as const);
  const forSip = interfaces.filter(({ sipPort }) => sipPort !== undefined);
  return (
    <Section
      title="Where we are for it"
      summary={`${item?.interface ?? "the main address"} · ${nameOf(NAT_CHOICES, item?.nat)}`}
      note="Further interfaces are added in the settings."
    >
      <Choice
        item={item}
        name="interface"
        label="SIP goes by"
        options={[["", "The main address"], ...named(forSip)]}
      />
      <Choice
        item={item}
        name="mediaInterface"
        label="Audio goes by"
        options={[["", "The same as SIP"], ...named(interfaces)]}
      />
      <Choice item={item} name="nat" label="A NAT in between" options={NAT_CHOICES} />
    </Section>
  );
}

/** A PBX that registers here: from where, and how often (REG-09, REG-10). */
export function RegisteringSection({ item }: PartProps) {
  const isOpen = item?.type === "inbound-registration";
  return (
    <Section id="registering" title="A PBX that registers here" open={isOpen}>
      <Field
        item={item}
        name="maxRegistrations"
        label="Places at once"
        as="number"
        placeholder="1"
      />
      <Choice
        item={item}
        name="bindingStrategy"
        label="A call goes to"
        options={[
          ["", "All of them at once"],
          ["round-robin", "One after the other"],
        ]}
      />
      <Check
        item={item}
        name="flowTrust"
        label="No password for calls over a registered TCP or TLS flow"
      />
    </Section>
  );
}

export function MannersSection({ item }: PartProps) {
  return (
    <Section title="What the PBX may do">
      <Check item={item} name="allowTransfer" label="It may transfer calls" />
      <Check item={item} name="followRedirects" label="Redirects to its own host are followed" />
      <Check
        item={item}
        name="continueOnFailure"
        label="A call that fails here goes on to the next that matches"
      />
    </Section>
  );
}

export function InboundGroup({ item, users }: PartProps) {
  return (
    <Group title="Calls from it">
      <Check item={item} name="allowInbound" label="Taken" byDefault />
      <Choice
        item={item}
        name="inboundUser"
        label="They ring"
        as="number"
        options={[["", "nobody"], ...users]}
      />
      <Field
        item={item}
        name="allow"
        label="They may come from"
        as="list"
        placeholder="192.0.2.7, 192.0.2.128/25"
        note="Addresses and blocks; nobody else may call in"
        mono
      />
    </Group>
  );
}
