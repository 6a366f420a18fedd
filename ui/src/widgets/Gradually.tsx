// Parts that are drawn one after the other, each in a frame of its own: what is opened answers at once, however much is in it.
import {Component, type ComponentChild, type JSX} from 'preact';
import {afterFrame} from '../base/frame';

export interface GraduallyProps {
  class: string;
  parts: ComponentChild[];
  atOnce?: number; // so many need not wait
  step?: number; // so many a frame
}

export class Gradually extends Component<GraduallyProps, {drawn: number}> {
  override state = {drawn: this.props.atOnce ?? 0};
  private gone = false;
  private waiting = false;

  override componentDidMount(): void {
    this.goOn();
  }

  override componentDidUpdate(): void {
    this.goOn();
  }

  override componentWillUnmount(): void {
    this.gone = true;
  }

  private goOn(): void {
    if (this.waiting || this.state.drawn >= this.props.parts.length) return;
    this.waiting = true;
    afterFrame(() => {
      this.waiting = false;
      if (!this.gone) this.setState({drawn: this.state.drawn + (this.props.step ?? 1)});
    });
  }

  override render({class: name, parts}: GraduallyProps, {drawn}: {drawn: number}): JSX.Element {
    return <div class={name} aria-busy={drawn < parts.length}>{parts.slice(0, drawn)}</div>;
  }
}
