import type {JSX} from 'preact';

// Rows in a ledger, one of them marked.
export function Logo(): JSX.Element {
  return (
    <span class="logo">
      <svg width="28" height="28" viewBox="0 0 28 28" aria-hidden="true" focusable="false">
        <rect class="logo-back" width="28" height="28" rx="7" />
        <path class="logo-rows" d="M7 8.5h14M7 14h8M7 19.5h14" />
        <circle class="logo-mark" cx="20" cy="14" r="2.6" />
      </svg>
      <span>Rowledger</span>
    </span>
  );
}
