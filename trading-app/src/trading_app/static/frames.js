// Batches drawing: however often it is requested, `draw` runs in an animation frame and at most once every `pause` ms.

export function paced(draw, pause = 100) {
  let requested = false, last = -Infinity;
  const frame = () => requestAnimationFrame((time) => {
    requested = false;
    last = time;
    draw();
  });
  return () => {
    if (requested) return;
    requested = true;
    const rest = pause - (performance.now() - last);
    if (rest > 0) setTimeout(frame, rest);
    else frame();
  };
}
