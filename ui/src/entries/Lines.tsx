// A block of lines in a long list. Only what is near the window is drawn; farther away stands a place of the same height, so
// that a list of many thousands costs no more than what is seen of it. What somebody has opened, selected or focused stays.
import {Component, createRef, type JSX} from 'preact';
import {EntryLine} from './EntryLine';
import type {Block} from './blocks';
import type {Line} from './fold';
import {FoldLine} from './FoldLine';

// Drawn before one gets there; forgotten only far behind, so that the browser's own search on the page finds what was seen.
const NEAR_PX = 1_500, FAR_PX = 12_000;
const LINE_HEIGHT_PX = 82; // of most lines, where none was measured

export interface LinesProps {
  block: Block;
  first: number; // place of its first line in the day's list, from 1
  size: number; // of the day's list; -1 while more may come
  q: string;
  openSeq: number | undefined; // only when it is in here
  fresh: ReadonlySet<number>;
  turn: number;
  atOnce: boolean; // the list begins with it
  onToggle: (seq: number) => void;
}

export function hasEntry(line: Line, seq: number | undefined): boolean {
  return seq !== undefined && (line.kind === 'entry' ? line.entry.seq === seq : line.entries.some(entry => entry.seq === seq));
}

const shown = new WeakMap<Element, Lines>();
function watcher(margin: number, act: (lines: Lines, inside: boolean) => void): IntersectionObserver {
  return new IntersectionObserver(seen => {
    for (const {target, isIntersecting} of seen) {
      const lines = shown.get(target);
      if (lines) act(lines, isIntersecting);
    }
  }, {rootMargin: `${margin}px 0px`});
}
let near: IntersectionObserver | undefined, far: IntersectionObserver | undefined;

export class Lines extends Component<LinesProps, {drawn: boolean}> {
  override state = {drawn: this.props.atOnce};
  private readonly root = createRef<HTMLDivElement>();
  private height: number | undefined; // when it was last drawn
  private focusOn: 'first' | 'last' | undefined;

  override componentDidMount(): void {
    near ??= watcher(NEAR_PX, (lines, inside) => { if (inside) lines.setState({drawn: true}); });
    far ??= watcher(FAR_PX, (lines, inside) => { if (!inside) lines.forget(); });
    const root = this.root.current!;
    shown.set(root, this);
    near.observe(root);
    far.observe(root);
    this.tellPlaces();
  }

  override componentWillUnmount(): void {
    const root = this.root.current!;
    near?.unobserve(root);
    far?.unobserve(root);
  }

  override shouldComponentUpdate(next: LinesProps, {drawn}: {drawn: boolean}): boolean {
    const now = this.props;
    return drawn !== this.state.drawn || next.block !== now.block || next.openSeq !== now.openSeq || next.turn !== now.turn ||
      next.q !== now.q || (drawn && (next.first !== now.first || next.size !== now.size));
  }

  override componentDidUpdate(): void {
    this.tellPlaces();
    if (this.focusOn === undefined) return;
    const lines = this.root.current!.querySelectorAll<HTMLElement>('[data-key="open"]');
    lines[this.focusOn === 'first' ? 0 : lines.length - 1]?.focus();
    this.focusOn = undefined;
  }

  // A change of places alone draws no line anew.
  private tellPlaces(): void {
    if (!this.state.drawn) return;
    [...this.root.current!.children].forEach((line, i) => {
      line.setAttribute('aria-posinset', String(this.props.first + i));
      line.setAttribute('aria-setsize', String(this.props.size));
    });
  }

  private forget(): void {
    const root = this.root.current!;
    const selection = getSelection();
    if (!this.state.drawn || root.contains(document.activeElement) || root.querySelector('[aria-expanded="true"]') ||
        (selection && !selection.isCollapsed && selection.containsNode(root, true))) return;
    this.height = root.offsetHeight;
    this.setState({drawn: false});
  }

  // The focus has come to lines that are not there yet: by Tab, or from line to line.
  private readonly focused = (event: FocusEvent): void => {
    const from = event.relatedTarget;
    const isAbove = !(from instanceof Node) || (this.root.current!.compareDocumentPosition(from) & Node.DOCUMENT_POSITION_PRECEDING) !== 0;
    this.focusOn = isAbove ? 'first' : 'last';
    this.setState({drawn: true});
  };

  override render({block, q, openSeq, fresh, turn, onToggle}: LinesProps, {drawn}: {drawn: boolean}): JSX.Element {
    if (!drawn) return <div ref={this.root} class="lines away" role="article" aria-busy="true" tabIndex={0} style={{height: `${this.height ?? block.lines.length * LINE_HEIGHT_PX}px`}} onFocus={this.focused} />;
    return (
      <div ref={this.root} class="lines">
        {block.lines.map(line => line.kind === 'entry'
          ? <EntryLine key={line.id} entry={line.entry} open={openSeq === line.entry.seq} fresh={fresh.has(line.entry.seq)} turn={turn} onToggle={onToggle} />
          : <FoldLine key={line.id} fold={line} q={q} openSeq={hasEntry(line, openSeq) ? openSeq : undefined} turn={turn} onToggle={onToggle} />)}
      </div>
    );
  }
}
