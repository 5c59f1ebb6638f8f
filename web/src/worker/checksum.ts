/** CRC32 (IEEE 802.3) of ASCII text, as zlib computes it. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export function crc32(text: string): number {
  let value = 0xffffffff;
  for (let at = 0; at < text.length; at++)
    value = (value >>> 8) ^ (TABLE[(value ^ text.charCodeAt(at)) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}

/** A decimal number in units of 10^exponent, without a decimal point; null if it is too long for a double. */
export function digits(number: number, exponent: number): string | null {
  const units = Math.round(exponent <= 0 ? number * 10 ** -exponent : number / 10 ** exponent);
  return Number.isSafeInteger(units) ? String(units) : null;
}
