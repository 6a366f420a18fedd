// What a person did is answered in the very next frame. Whatever takes longer comes after it.

// Acts once the next frame has been drawn.
export function afterFrame(act: () => void): void {
  requestAnimationFrame(() => setTimeout(act));
}
