/**
 * How loss is spread over a stream: single packets here and there, or bursts. The counts are those
 * of RFC 3611 appendix A.2 (a gap is a stretch in which at least 16 packets arrive between two
 * losses), and of the runs that G.107's burst ratio compares. Nothing is allocated for a packet.
 * Above: stream-quality and the XR of control-reports. Below nothing.
 */

/** RFC 3611 §4.7.2, the value it recommends. */
export const GAP_PACKETS_MIN = 16;

/** RFC 3611 §4.7.2; densities are 0 to 1, lengths in packets. */
export interface BurstMetrics {
  lossShare: number;
  burstDensity: number;
  gapDensity: number;
  burstPackets: number;
  gapPackets: number;
}

export class LossPattern {
  received = 0;
  lost = 0;
  /** Losses without a packet between them count as one run. */
  #runs = 0;
  /** Packets received since the latest loss, and losses since the latest gap. */
  #sinceLoss = 0;
  #lostInBurst = 0;
  // The transitions of A.2: 1 received in a gap, 2 received in a burst, 3 lost in one, 4 lost in a gap.
  #c11 = 0;
  #c13 = 0;
  #c14 = 0;
  #c22 = 0;
  #c23 = 0;
  #c33 = 0;

  /** One packet came, and before it `lostBefore` did not. */
  count(lostBefore: number): void {
    if (lostBefore > 0) this.#runs += 1;
    for (let packet = 0; packet < lostBefore; packet++) this.#loss();
    this.received += 1;
    this.#sinceLoss += 1;
  }

  /** G.107: 1 where losses are as long as chance makes them, more where they come together. */
  get burstRatio(): number {
    if (this.#runs === 0) return 1;
    const share = this.lost / (this.lost + this.received);
    return Math.max(1, (this.lost / this.#runs) * (1 - share));
  }

  /** As far as they are known now: the stretch since the latest loss is not counted yet (A.2). */
  get metrics(): BurstMetrics {
    const c31 = this.#c13;
    const c32 = this.#c23;
    const inGaps = this.#c11 + this.#c14 + this.#c13;
    const inBursts = this.#c22 + this.#c23 + c31 + c32 + this.#c33;
    const leaving = c31 + c32 + this.#c33;
    const p32 = leaving === 0 ? 0 : c32 / leaving;
    const staying = this.#c22 + this.#c23;
    const p23 = staying < 1 ? 1 : 1 - this.#c22 / staying;
    const all = this.lost + this.received;
    return {
      lossShare: all === 0 ? 0 : this.lost / all,
      burstDensity: this.#c13 === 0 ? 0 : p23 / (p23 + p32),
      gapDensity: inGaps === 0 ? 0 : this.#c14 / Math.max(1, this.#c11 + this.#c14),
      burstPackets: this.#c13 === 0 ? 0 : inBursts / this.#c13,
      gapPackets: this.#c13 === 0 ? this.received : inGaps / this.#c13,
    };
  }

  /** A.2's loop body for a packet that is lost. */
  #loss(): void {
    this.lost += 1;
    if (this.#sinceLoss >= GAP_PACKETS_MIN) {
      if (this.#lostInBurst === 1) this.#c14 += 1;
      else if (this.#lostInBurst > 1) this.#c13 += 1;
      this.#lostInBurst = 1;
      this.#c11 += this.#sinceLoss;
    } else {
      this.#lostInBurst += 1;
      if (this.#sinceLoss === 0) this.#c33 += 1;
      else {
        this.#c23 += 1;
        this.#c22 += this.#sinceLoss - 1;
      }
    }
    this.#sinceLoss = 0;
  }
}
