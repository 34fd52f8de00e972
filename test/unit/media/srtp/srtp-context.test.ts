import { afterAll, beforeAll, expect, test } from "bun:test";
import { createCipheriv, createHmac } from "node:crypto";
import { openSystemCipher } from "../../../../gateway/io/system-cipher.ts";
import { deriveSessionKeys } from "../../../../gateway/media/srtp/key-derivation.ts";
import {
  profileById,
  SRTP_AES128_CM_HMAC_SHA1_32,
  SRTP_AES128_CM_HMAC_SHA1_80,
  SRTP_PROFILES,
  type SrtpProfile,
} from "../../../../gateway/media/srtp/profiles.ts";
import {
  NOT_AUTHENTIC,
  REPLAYED,
  SrtpReceiver,
  SrtpSender,
  TOO_LONG,
  TOO_MANY_STREAMS,
  TOO_SHORT,
} from "../../../../gateway/media/srtp/srtp-context.ts";
import { choosePacketCipher, nodeCipher } from "../../../../gateway/packet-cipher.ts";
import { mutate, mutations, runSeed, seededChance } from "../chance.ts";

const SSRC = 0xcafebabe;

// As a media worker has it, where the system has OpenSSL.
beforeAll(() => choosePacketCipher(openSystemCipher() ?? nodeCipher));
afterAll(() => choosePacketCipher(nodeCipher));

function pair(profile: SrtpProfile): { sender: SrtpSender; receiver: SrtpReceiver } {
  const key = Uint8Array.from({ length: profile.keyBytes }, (_, at) => 7 * at + 1);
  const salt = Uint8Array.from({ length: profile.saltBytes }, (_, at) => 5 * at + 3);
  return {
    sender: new SrtpSender(profile, key, salt),
    receiver: new SrtpReceiver(profile, key, salt),
  };
}

/** An RTP packet whose payload tells its number; 100 bytes. */
function packet(number: number, ssrc = SSRC): Uint8Array {
  const bytes = new Uint8Array(100);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x80;
  bytes[1] = 111;
  view.setUint16(2, number & 0xffff);
  view.setUint32(4, number * 960);
  view.setUint32(8, ssrc);
  view.setUint32(12, number);
  for (let at = 16; at < 100; at++) bytes[at] = at + number;
  return bytes;
}

function protectedPacket(sender: SrtpSender, number: number, ssrc = SSRC): Uint8Array {
  const buffer = new Uint8Array(200);
  buffer.set(packet(number, ssrc));
  return buffer.slice(0, sender.protect(buffer, 100));
}

function received(receiver: SrtpReceiver, datagram: Uint8Array): Uint8Array | number {
  const buffer = Uint8Array.from(datagram);
  const length = receiver.unprotect(buffer, datagram.length);
  return length < 0 ? length : buffer.subarray(0, length);
}

function rtcp(): Uint8Array {
  return Uint8Array.fromHex(
    `80c90001${SSRC.toString(16)}81ca0004${SSRC.toString(16)}010661626364656600000000`,
  );
}

test("profiles have the numbers of RFC 5764 and RFC 7714", () => {
  expect(SRTP_PROFILES.map(({ id }) => id)).toEqual([7, 8, 1, 2]);
  expect(profileById(2)).toBe(SRTP_AES128_CM_HMAC_SHA1_32);
  expect(profileById(3)).toBeUndefined();
});

for (const profile of [SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AES128_CM_HMAC_SHA1_32]) {
  test(`P7 ${profile.suite}: the same bytes as RFC 3711 §4.1.1 and §4.2 written out`, () => {
    const key = new Uint8Array(16).fill(9);
    const salt = new Uint8Array(14).fill(0xa5);
    const { rtp, rtcp: control } = deriveSessionKeys(profile, key, salt);
    const sender = new SrtpSender(profile, key, salt);
    const iv = (saltPart: Uint8Array, index: bigint) => {
      const number =
        (BigInt(`0x${saltPart.toHex()}`) << 16n) ^ (BigInt(SSRC) << 64n) ^ (index << 16n);
      return Uint8Array.fromHex(number.toString(16).padStart(32, "0"));
    };
    for (let number = 65_530; number < 65_545; number++) {
      const plain = packet(number);
      const cipher = createCipheriv("aes-128-ctr", rtp.key, iv(rtp.salt, BigInt(number)));
      const sealed = Buffer.concat([plain.subarray(0, 12), cipher.update(plain.subarray(12))]);
      const rollovers = Buffer.alloc(4);
      rollovers.writeUInt32BE(number >> 16);
      const code = createHmac("sha1", rtp.authenticationKey).update(sealed).update(rollovers);
      const expected = Buffer.concat([sealed, code.digest().subarray(0, profile.tagBytes)]);
      expect(protectedPacket(sender, number).toHex()).toBe(expected.toString("hex"));
    }
    for (let index = 0; index < 3; index++) {
      const plain = rtcp();
      const cipher = createCipheriv("aes-128-ctr", control.key, iv(control.salt, BigInt(index)));
      const word = Buffer.alloc(4);
      word.writeUInt32BE(2 ** 31 + index);
      const sealed = Buffer.concat([plain.subarray(0, 8), cipher.update(plain.subarray(8)), word]);
      const code = createHmac("sha1", control.authenticationKey).update(sealed).digest();
      const expected = Buffer.concat([sealed, code.subarray(0, 10)]);
      const buffer = new Uint8Array(100);
      buffer.set(plain);
      const length = sender.protectRtcp(buffer, plain.length);
      expect(buffer.subarray(0, length).toHex()).toBe(expected.toString("hex"));
    }
  });
}

for (const profile of SRTP_PROFILES) {
  const named = (name: string) => `P7 ${profile.suite}: ${name}`;

  test(named("what one protects the other restores, header extension and all sizes"), () => {
    const { sender, receiver } = pair(profile);
    for (let size = 20; size <= 1_400; size += 3) {
      const plain = new Uint8Array(size).fill(size);
      plain.set([0x91, 111, size >> 8, size, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9, 0xbe, 0xde, 0, 0]);
      const buffer = new Uint8Array(1_500);
      buffer.set(plain);
      const length = sender.protect(buffer, size);
      expect(length).toBe(size + profile.tagBytes);
      expect(buffer.subarray(0, 20)).toEqual(plain.subarray(0, 20));
      expect(receiver.unprotect(buffer, length)).toBe(size);
      expect<Uint8Array>(buffer.subarray(0, size)).toEqual(plain);
    }
  });

  test(named("RTCP there and back; a replay is refused"), () => {
    const { sender, receiver } = pair(profile);
    for (let count = 0; count < 5; count++) {
      const buffer = new Uint8Array(200);
      const plain = rtcp();
      buffer.set(plain);
      const length = sender.protectRtcp(buffer, plain.length);
      const datagram = buffer.slice(0, length);
      expect(receiver.unprotectRtcp(buffer, length)).toBe(plain.length);
      expect<Uint8Array>(buffer.slice(0, plain.length)).toEqual(plain);
      expect(receiver.unprotectRtcp(Uint8Array.from(datagram), length)).toBe(REPLAYED);
      datagram[9] = (datagram[9] ?? 0) ^ 0x10;
      const next = Uint8Array.from(datagram);
      const { receiver: fresh } = pair(profile);
      expect(fresh.unprotectRtcp(next, length)).toBe(NOT_AUTHENTIC);
      expect(next).toEqual(datagram);
    }
  });

  test(named("a packet replayed 100 times is delivered once"), () => {
    const { sender, receiver } = pair(profile);
    const datagrams = [1, 2, 3].map((number) => protectedPacket(sender, number));
    for (const datagram of datagrams)
      expect(received(receiver, datagram)).toBeInstanceOf(Uint8Array);
    for (let count = 0; count < 100; count++) {
      for (const datagram of datagrams) expect(received(receiver, datagram)).toBe(REPLAYED);
    }
  });

  test(named("late by 63, 64, 65 and 127 it is delivered, by 128 not"), () => {
    for (const late of [63, 64, 65, 127, 128, 129]) {
      const { sender, receiver } = pair(profile);
      const held = protectedPacket(sender, 1_000);
      for (let number = 1_001; number <= 1_000 + late; number++) {
        expect(received(receiver, protectedPacket(sender, number))).toBeInstanceOf(Uint8Array);
      }
      const result = received(receiver, held);
      expect([late, typeof result === "number" ? result : 0]).toEqual([
        late,
        late < 128 ? 0 : REPLAYED,
      ]);
    }
  });

  test(named("three rollovers with 5 % loss and reordering: all that arrives is right"), () => {
    const seed = runSeed(`P7 rollover ${profile.suite}`);
    const chance = seededChance(seed);
    const { sender, receiver } = pair(profile);
    const waiting: { at: number; number: number; datagram: Uint8Array }[] = [];
    let delivered = 0;
    let sent = 0;
    const arrive = (due: { number: number; datagram: Uint8Array }) => {
      delivered += 1;
      expect<unknown>([seed, due.number, received(receiver, due.datagram)]).toEqual([
        seed,
        due.number,
        packet(due.number),
      ]);
      expect(received(receiver, due.datagram)).toBe(REPLAYED);
    };
    for (let number = 65_000; number < 3 * 65_536 + 500; number++) {
      const near = Math.abs(((number + 32_768) % 65_536) - 32_768) < 600;
      if (!near) {
        // Between the rollovers 20,000 packets are lost at a time: less than half the numbers.
        for (const due of waiting.splice(0)) arrive(due);
        number += Math.min(20_000, 65_536 - 599 - (number % 65_536));
      }
      sent += 1;
      const datagram = protectedPacket(sender, number);
      if (near && chance() < 0.05) continue;
      waiting.push({ at: sent + Math.floor(chance() * 8), number, datagram });
      for (const due of waiting.splice(0)) {
        if (due.at > sent && near) waiting.push(due);
        else arrive(due);
      }
    }
    expect(sent).toBeGreaterThan(2_900);
    expect(delivered).toBeGreaterThan(0.9 * sent);
  });

  test(named("a replay from before a rollover is refused after it"), () => {
    const { sender, receiver } = pair(profile);
    const old = [65_400, 65_534, 65_535].map((number) => protectedPacket(sender, number));
    for (const datagram of old) received(receiver, datagram);
    for (let number = 65_536; number < 2 * 65_536; number += 300) {
      received(receiver, protectedPacket(sender, number));
    }
    received(receiver, protectedPacket(sender, 2 * 65_536 - 1));
    for (const datagram of old) expect(received(receiver, datagram)).toBeNumber();
  });

  test(named("10,000 packets with a wrong tag do not disturb the stream"), () => {
    const { sender, receiver } = pair(profile);
    received(receiver, protectedPacket(sender, 0));
    const { sender: forger } = pair(profile);
    let notAuthentic = 0;
    for (let number = 1; number <= 10_000; number++) {
      // Right SSRC and next numbers, far ahead and behind, and other SSRCs: all but the last byte.
      const forged = protectedPacket(forger, number);
      const last = forged.length - 1;
      forged[last] = (forged[last] ?? 0) ^ 0x01;
      if (number % 3 === 0) new DataView(forged.buffer).setUint32(8, number);
      if (number % 3 === 1) forged[2] = (forged[2] ?? 0) ^ 0x80;
      if (number % 500 === 0) {
        const good = received(receiver, protectedPacket(sender, number / 500));
        expect(good).toEqual(packet(number / 500));
      }
      const result = received(receiver, forged);
      // Half the numbers away it may lie behind the window, which is looked at first.
      expect([NOT_AUTHENTIC, REPLAYED]).toContain(Number(result));
      if (result === NOT_AUTHENTIC) notAuthentic += 1;
    }
    expect(notAuthentic).toBeGreaterThan(6_000);
  });

  test(named("the sender never uses an index twice"), () => {
    const { sender } = pair(profile);
    protectedPacket(sender, 10);
    const buffer = new Uint8Array(200);
    buffer.set(packet(10));
    expect(sender.protect(buffer, 100)).toBe(0);
    expect<Uint8Array>(buffer.subarray(0, 100)).toEqual(packet(10));
    expect(protectedPacket(sender, 9).length).toBe(100 + profile.tagBytes);
  });

  test(named("64 SSRCs at most, and the 65th disturbs none of them"), () => {
    const { receiver } = pair(profile);
    for (let ssrc = 1; ssrc <= 66; ssrc++) {
      const result = received(receiver, protectedPacket(pair(profile).sender, 5, ssrc));
      if (ssrc <= 64) expect(result).toEqual(packet(5, ssrc));
      else expect(result).toBe(TOO_MANY_STREAMS);
    }
    expect(received(receiver, protectedPacket(pair(profile).sender, 5, 1))).toBe(REPLAYED);
    expect(received(receiver, protectedPacket(pair(profile).sender, 6, 1))).toEqual(packet(6, 1));
  });

  test(`P6 ${profile.suite}: length sweep 0..1500, and beyond`, () => {
    const { sender, receiver } = pair(profile);
    const datagram = protectedPacket(sender, 1);
    const buffer = new Uint8Array(4_096);
    for (let length = 0; length <= 1_500; length++) {
      if (length === datagram.length) continue;
      buffer.fill(0);
      buffer.set(datagram);
      const result = receiver.unprotect(buffer, length);
      expect(result).toBe(length < 12 + profile.tagBytes ? TOO_SHORT : NOT_AUTHENTIC);
      buffer[1] = 201;
      expect(receiver.unprotectRtcp(buffer, length)).toBe(
        length < 12 + profile.rtcpTagBytes ? TOO_SHORT : NOT_AUTHENTIC,
      );
    }
    expect(receiver.unprotect(buffer, 2_049)).toBe(TOO_LONG);
    expect(receiver.unprotectRtcp(buffer, 2_049)).toBe(TOO_LONG);
    expect(received(receiver, datagram)).toEqual(packet(1));
    expect(sender.protect(buffer, 2_040)).toBe(0);
  });

  test(`P6 ${profile.suite}: mutated packets are never delivered`, () => {
    const seed = runSeed(`P6 SRTP ${profile.suite}`);
    const chance = seededChance(seed);
    const { sender, receiver } = pair(profile);
    const original = protectedPacket(sender, 77);
    for (let count = mutations(20_000); count > 0; count--) {
      const datagram = mutate(original, chance);
      if (datagram.toHex() === original.toHex()) continue;
      const buffer = Uint8Array.from(datagram);
      expect([seed, receiver.unprotect(buffer, buffer.length) < 0]).toEqual([seed, true]);
      expect([seed, receiver.unprotectRtcp(buffer, buffer.length) < 0]).toEqual([seed, true]);
      if (count % 1_000 === 0) {
        // The buffer of a refused packet is as it came.
        expect<Uint8Array>(buffer).toEqual(datagram);
      }
    }
    expect(received(receiver, original)).toEqual(packet(77));
  });
}
