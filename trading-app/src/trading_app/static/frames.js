// Drawing is batched: however often it is asked for, `draw` runs in an animation frame, and at most every `pause` ms.

export function paced(draw, pause = 100) {
  let asked = false, last = -Infinity;
  const frame = () => requestAnimationFrame((time) => {
    asked = false;
    last = time;
    draw();
  });
  return () => {
    if (asked) return;
    asked = true;
    const rest = pause - (performance.now() - last);
    if (rest > 0) setTimeout(frame, rest);
    else frame();
  };
}
