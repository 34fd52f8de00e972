/**
 * Who watches what (X8): lamps, mailboxes and presence for softphones. Our own users' state is told
 * from memory; an extension or mailbox of a PBX is watched there once, however many softphones
 * watch it here, and what the PBX says is passed on to all of them.
 */
import type { User, UserId } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import { SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_PER_USER_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import { type Random, randomToken } from "../random.ts";
import { callId, contentType, expires, to } from "../sip/accessors.ts";
import { type Body, createResponse } from "../sip/build.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { tagOf } from "../sip/name-addr.ts";
import { NotifierSubscription, SUBSCRIPTION_SECONDS_MIN } from "../sip/notifier-subscription.ts";
import type { Stack } from "../sip/stack.ts";
import { SubscriberSubscription } from "../sip/subscriber-subscription.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { parseUri } from "../sip/uri.ts";
import type { Effect } from "./call-control.ts";
import type { Director } from "./director.ts";
import { contactUri, credentialsOf, localUri, numberUri, routesOf } from "./identity.ts";
import { refusal } from "./reason.ts";
import type { CallStatus } from "./status.ts";
import type { Trunk } from "./trunk.ts";
import { type CallSide, dialogInfo, noMessages, presence, sidesOf } from "./watched-state.ts";

const ACCEPTED: Readonly<Record<string, string>> = {
  dialog: "application/dialog-info+xml",
  "message-summary": "application/simple-message-summary",
  presence: "application/pidf+xml",
};
export const EVENTS = Object.keys(ACCEPTED).join(", ");

const NOT_YOURS = { status: 403, reason: "the subscription is another user's" } as const;

/** What can be seen of our own users. */
export interface HouseState {
  readonly calls: readonly CallStatus[];
  isOnline(user: UserId): boolean;
}

interface Topic {
  readonly key: string;
  readonly event: string;
  readonly entity: string;
  readonly watchers: Set<Watcher>;
  /** One of our users, or the subscription at the PBX; neither for a mailbox nobody has. */
  readonly local?: User;
  readonly back?: Back;
  /** What was told last. */
  sides: readonly CallSide[];
  isOnline: boolean;
  body: Body | undefined;
}

interface Watcher {
  readonly subscription: NotifierSubscription;
  readonly user: UserId;
  readonly flow: Flow;
  readonly topic: Topic;
}

interface Back {
  /** Under which the trunk knows who waits for its flow. */
  readonly id: LegId;
  readonly trunk: Trunk;
  readonly machine: SubscriberSubscription;
  readonly topicKey: string;
  flow: Flow | undefined;
}

export interface SubscriptionsOptions {
  readonly stack: Stack;
  readonly random: Random;
  readonly director: Director;
  readonly trunks: () => Iterable<Trunk>;
  readonly house: () => HouseState;
  /** The user that proved itself on the flow. */
  readonly userOf: (flow: FlowId) => UserId | undefined;
}

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #watchers = new Map<string, Watcher>();
  readonly #backs = new Map<LegId, Back>();
  readonly #byTransaction = new Map<TransactionId, Watcher | Back>();
  readonly #agenda = new Agenda<Watcher | Back>();
  #count = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get alive() {
    return {
      subscriptions: this.#watchers.size,
      backEndSubscriptions: this.#backs.size,
      subscriptionTransactions: this.#byTransaction.size,
    };
  }

  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  timeout(now: Millis): Effect[] {
    const effects: Effect[] = [];
    for (let due = this.#agenda.takeDue(now); due; due = this.#agenda.takeDue(now)) {
      if ("machine" in due) effects.push(...this.#backDue(due, now));
      else {
        due.subscription.timeout(now);
        effects.push(...this.#advance(due, now));
      }
    }
    return effects;
  }

  /** A softphone's SUBSCRIBE outside any dialog (RFC 6665 §4.2.1). */
  request(user: User, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const { stack, random } = this.#options;
    const refuse = (status: number, reason: string, headers: [string, string][] = []) =>
      stack.reply(flow, refusal(request, status, reason, headers));
    const event = request.headers.get("Event")?.trim() ?? "";
    const name = event.split(";")[0]?.trim().toLowerCase() ?? "";
    if (ACCEPTED[name] === undefined) {
      return refuse(489, `the event "${name}" is not known here`, [["Allow-Events", EVENTS]]);
    }
    const wanted = expires(request);
    if (wanted !== undefined && wanted > 0 && wanted < SUBSCRIPTION_SECONDS_MIN) {
      const least: [string, string] = ["Min-Expires", String(SUBSCRIPTION_SECONDS_MIN)];
      return refuse(423, "the subscription would be too short", [least]);
    }
    const own = [...this.#watchers.values()].filter((it) => it.user === user.id).length;
    if (own >= SUBSCRIPTIONS_PER_USER_MAX || this.#watchers.size >= SUBSCRIPTIONS_MAX) {
      return refuse(503, "there are too many subscriptions", [["Retry-After", "600"]]);
    }
    const { user: address = user.name, host = "localhost" } = parseUri(request.uri) ?? {};
    const topic = this.#topicOf(user, name, { address, host }, now);
    if (!topic) return refuse(404, "there is nobody of that name or number to watch");
    const localTag = randomToken(random, 8);
    const contact = `<${contactUri(user.name, flow)}>`;
    const document = this.#documentOf(topic);
    const subscription = new NotifierSubscription(request, localTag, event, contact, document);
    const watcher: Watcher = { subscription, user: user.id, flow, topic };
    this.#watchers.set(keyOf(subscription), watcher);
    topic.watchers.add(watcher);
    return [...this.#grant(watcher, flow, request, now), ...this.#wake(topic, now)];
  }

  /** A request inside a subscription of ours; undefined when it is of none. */
  inDialog(flow: Flow, request: SipRequest, now: Millis): Effect[] | undefined {
    const { stack } = this.#options;
    const key = `${callId(request)} ${tagOf(to(request)) ?? ""}`;
    const watcher = this.#watchers.get(key);
    if (watcher && request.method === "SUBSCRIBE") {
      const isSame = flow.id === watcher.flow.id || this.#options.userOf(flow.id) === watcher.user;
      const refused = isSame ? watcher.subscription.refuses(request) : NOT_YOURS;
      if (!refused) return this.#grant(watcher, flow, request, now);
      return stack.reply(flow, refusal(request, refused.status, refused.reason));
    }
    if (request.method !== "NOTIFY") return undefined;
    const back = [...this.#backs.values()].find((it) => it.machine.key === key);
    // S7: it comes from the PBX we asked.
    if (!back || back.flow?.remote.address !== flow.remote.address) return undefined;
    const { transaction, outputs } = stack.serve(flow, request, now);
    const status = back.machine.notified(request, now);
    const isTaken = status === 200;
    const response = isTaken
      ? createResponse(request, status)
      : refusal(request, status, "the NOTIFY is of no subscription, or comes out of order");
    const answer = stack.respond(transaction, response, now);
    this.#agenda.set(back, back.machine.deadline());
    const topic = this.#topics.get(back.topicKey);
    const told = isTaken && topic ? this.#pass(topic, request, now) : [];
    return [...outputs, ...answer, ...told];
  }

  /** A PBX tells of a mailbox nobody asked it about, as some do (RFC 3842 in the wild). */
  unsolicited(trunk: Trunk, flow: Flow, notify: SipRequest, now: Millis): Effect[] {
    const { stack } = this.#options;
    if (notify.headers.get("Event")?.trim().toLowerCase() !== "message-summary") {
      return stack.reply(flow, refusal(notify, 481, "there is no such subscription"));
    }
    const topic = this.#topics.get(`mailbox ${trunk.connection.id}`);
    const told = topic ? this.#pass(topic, notify, now) : [];
    return [...stack.reply(flow, createResponse(notify, 200)), ...told];
  }

  /** The answer to a request of ours; undefined when it is of another. */
  response(transaction: TransactionId, response: SipResponse, now: Millis): Effect[] | undefined {
    const owner = this.#byTransaction.get(transaction);
    if (!owner) return undefined;
    if (response.status < 200) return [];
    this.#byTransaction.delete(transaction);
    if (!("machine" in owner)) return this.#answered(owner, response.status, now);
    const again = owner.machine.answered(response, now);
    if (again && owner.flow) return this.#send(owner, owner.flow, again, now);
    return this.#settle(owner);
  }

  failed(transaction: TransactionId, now: Millis): Effect[] | undefined {
    const owner = this.#byTransaction.get(transaction);
    if (!owner) return undefined;
    this.#byTransaction.delete(transaction);
    if (!("machine" in owner)) return this.#answered(owner, 408, now);
    owner.machine.failed(now);
    return this.#settle(owner);
  }

  /** The flow a subscription at a PBX asked for; undefined when the key is no subscription's. */
  reached(key: string, flow: Flow, now: Millis): Effect[] | undefined {
    const back = this.#backs.get(key as LegId);
    if (!back) return key.startsWith("subscription-") ? [] : undefined;
    back.flow = flow;
    return this.#send(back, flow, [], now);
  }

  unreached(key: string, now: Millis): Effect[] | undefined {
    const back = this.#backs.get(key as LegId);
    if (!back) return key.startsWith("subscription-") ? [] : undefined;
    back.machine.failed(now);
    return this.#settle(back);
  }

  /** The softphone's connection is gone: it subscribes again when it is back. */
  closed(flow: FlowId): Effect[] {
    const gone = [...this.#watchers.values()].filter((it) => it.flow.id === flow);
    return gone.flatMap((watcher) => this.#remove(watcher));
  }

  /** The house has changed: whoever watches a user is told what became of it. */
  stateChanged(now: Millis): Effect[] {
    if (this.#watchers.size === 0) return [];
    const house = this.#options.house();
    return [...this.#topics.values()].flatMap((topic) => {
      if (!topic.local) return [];
      const sides = sidesOf(topic.local.name, house.calls);
      const isOnline = house.isOnline(topic.local.id);
      const isSame = JSON.stringify(sides) === JSON.stringify(topic.sides);
      if (isSame && isOnline === topic.isOnline) return [];
      topic.sides = sides;
      topic.isOnline = isOnline;
      return this.#tell(topic, now);
    });
  }

  #topicOf(
    user: User,
    event: string,
    { address, host }: { address: string; host: string },
    now: Millis,
  ): Topic | undefined {
    const { director, trunks, house } = this.#options;
    if (event === "message-summary") {
      const mailbox = [...trunks()].find((it) => it.connection.inboundUser === user.id);
      const key = mailbox ? `mailbox ${mailbox.connection.id}` : `no mailbox ${user.id}`;
      const uri = mailbox ? localUri(mailbox.peer, user.name) : `sip:${user.name}@${host}`;
      return this.#topic(key, event, uri, mailbox, user, now);
    }
    const local = director.userNamed(address);
    if (local) {
      const key = `${event} of ${local.name}`;
      const known = this.#topics.get(key);
      if (known) return known;
      const { calls, isOnline } = house();
      const topic: Topic = {
        key,
        event,
        entity: `sip:${local.name}@${host}`,
        watchers: new Set(),
        local,
        sides: sidesOf(local.name, calls),
        isOnline: isOnline(local.id),
        body: undefined,
      };
      this.#topics.set(key, topic);
      return topic;
    }
    const way = director.way(address, now);
    if (!way) return undefined;
    const { trunk, number } = way;
    const key = `${event} ${trunk.connection.id} ${number}`;
    return this.#topic(key, event, numberUri(trunk.peer, number), trunk, user, now);
  }

  #topic(
    key: string,
    event: string,
    entity: string,
    trunk: Trunk | undefined,
    user: User,
    now: Millis,
  ): Topic {
    const known = this.#topics.get(key);
    if (known) return known;
    const back = trunk && this.#watchThere(key, event, entity, trunk, user, now);
    const topic: Topic = {
      key,
      event,
      entity,
      watchers: new Set(),
      ...(back ? { back } : {}),
      sides: [],
      isOnline: false,
      body: undefined,
    };
    this.#topics.set(key, topic);
    return topic;
  }

  #watchThere(
    topicKey: string,
    event: string,
    uri: string,
    trunk: Trunk,
    user: User,
    now: Millis,
  ): Back {
    const connection = trunk.peer;
    const credentials = credentialsOf(connection);
    const machine = new SubscriberSubscription(
      {
        event,
        accept: ACCEPTED[event] ?? "",
        uri,
        from: { uri: localUri(connection, user.name), params: new Map() },
        routes: routesOf(connection),
        ...(credentials ? { credentials } : {}),
        random: this.#options.random,
      },
      now,
    );
    this.#count += 1;
    const id = `subscription-${this.#count}` as LegId;
    const back: Back = { id, trunk, machine, topicKey, flow: undefined };
    this.#backs.set(id, back);
    this.#agenda.set(back, machine.deadline());
    return back;
  }

  #grant(watcher: Watcher, flow: Flow, request: SipRequest, now: Millis): Effect[] {
    const { stack } = this.#options;
    const { subscription } = watcher;
    const { transaction, outputs } = stack.serve(flow, request, now);
    const seconds = subscription.grant(request, now);
    const response = createResponse(request, 200, {
      toTag: subscription.localTag,
      contact: `<${contactUri("subscription", flow)}>`,
      headers: [["Expires", String(seconds)]],
    });
    const answer = stack.respond(transaction, response, now);
    return [...outputs, ...answer, ...this.#advance(watcher, now)];
  }

  #documentOf(topic: Topic): (version: number) => Body | undefined {
    return (version) => {
      if (topic.body) return topic.body;
      if (topic.local && topic.event === "presence") {
        return presence(topic.entity, topic.isOnline, topic.sides);
      }
      if (topic.local) return dialogInfo(topic.entity, topic.sides, version);
      // §4.2.1.2 lets the first NOTIFY be empty: what the PBX has to say is on its way.
      if (topic.event === "message-summary" && !topic.back) return noMessages(topic.entity);
      return undefined;
    };
  }

  /** What the PBX said goes to everybody who watches. */
  #pass(topic: Topic, notify: SipRequest, now: Millis): Effect[] {
    const type = contentType(notify);
    if (type === undefined || notify.body.length === 0) return [];
    topic.body = { type, bytes: notify.body };
    return this.#tell(topic, now);
  }

  #tell(topic: Topic, now: Millis): Effect[] {
    return [...topic.watchers].flatMap((watcher) => {
      watcher.subscription.changed(this.#documentOf(topic), now);
      this.#agenda.set(watcher, watcher.subscription.deadline());
      return [];
    });
  }

  #wake(topic: Topic, now: Millis): Effect[] {
    return topic.back ? this.#backDue(topic.back, now) : [];
  }

  #backDue(back: Back, now: Millis): Effect[] {
    const asks = back.machine.timeout(now);
    this.#agenda.set(back, back.machine.deadline());
    return asks ? [{ type: "reach", trunk: back.trunk, leg: back.id }] : [];
  }

  /** Sends what a watcher is to be told, and forgets it when there will be nothing more. */
  #advance(watcher: Watcher, now: Millis): Effect[] {
    const { subscription, flow } = watcher;
    if (subscription.isOver) return this.#remove(watcher);
    const notify = subscription.next(now);
    this.#agenda.set(watcher, subscription.deadline());
    if (!notify) return [];
    const { transaction, outputs } = this.#options.stack.request(flow, notify, now);
    this.#byTransaction.set(transaction, watcher);
    return outputs;
  }

  #answered(watcher: Watcher, status: number, now: Millis): Effect[] {
    watcher.subscription.answered(status);
    return this.#advance(watcher, now);
  }

  #send(back: Back, flow: Flow, more: [string, string][], now: Millis): Effect[] {
    const contact = `<${contactUri(back.trunk.contactUser, flow)}>`;
    const request = back.machine.subscribe(contact, more);
    const { transaction, outputs } = this.#options.stack.request(flow, request, now);
    this.#byTransaction.set(transaction, back);
    return outputs;
  }

  #settle(back: Back): Effect[] {
    if (back.machine.isOver) {
      this.#backs.delete(back.id);
      this.#agenda.set(back, undefined);
    } else {
      this.#agenda.set(back, back.machine.deadline());
    }
    return [];
  }

  /** The last one to leave ends the subscription at the PBX. */
  #remove(watcher: Watcher): Effect[] {
    const { topic } = watcher;
    this.#watchers.delete(keyOf(watcher.subscription));
    this.#agenda.set(watcher, undefined);
    for (const [transaction, owner] of this.#byTransaction) {
      if (owner === watcher) this.#byTransaction.delete(transaction);
    }
    topic.watchers.delete(watcher);
    if (topic.watchers.size > 0) return [];
    this.#topics.delete(topic.key);
    const { back } = topic;
    if (!back) return [];
    if (back.machine.stop()) return [{ type: "reach", trunk: back.trunk, leg: back.id }];
    return this.#settle(back);
  }
}

function keyOf({ callId: id, localTag }: NotifierSubscription): string {
  return `${id} ${localTag}`;
}
