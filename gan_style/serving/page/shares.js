// Shares of several styles: whole per cents whose sum is 100.

// [1/3, 1/3, 1/3] of 100 -> [34, 33, 33]: whole numbers in these proportions with this sum.
function divided(sum, weights) {
  const total = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map(weight => (total ? weight / total : 1 / weights.length) * sum);
  const whole = exact.map(Math.floor);
  const byRest = exact.map((_, place) => place).sort((a, b) => (exact[b] - whole[b]) - (exact[a] - whole[a]) || a - b);
  const missing = sum - whole.reduce((a, b) => a + b, 0);
  for (const place of byRest.slice(0, missing)) whole[place] += 1;
  return whole;
}

export const equal = count => divided(100, Array(count).fill(1));

// The share at `place` becomes `value`. The others keep their proportions, and are equal if they were all 0.
export function moved(shares, place, value) {
  if (shares.length === 1) return [100];
  const own = Math.min(100, Math.max(0, Math.round(value)));
  const others = divided(100 - own, shares.filter((_, other) => other !== place));
  return [...others.slice(0, place), own, ...others.slice(place)];
}

// Without the share at `place`, the others in their proportions.
export const without = (shares, place) => (shares.length > 1 ? divided(100, shares.filter((_, other) => other !== place)) : []);
