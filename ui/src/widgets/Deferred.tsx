// A button that fetches a part of the program when it is pressed, and shows it in its place.
import type {ComponentType, JSX} from 'preact';
import {useState} from 'preact/hooks';
import {asApiError} from '../base/load';
import type {ApiError} from '../base/api';
import {Icon, type IconName} from './Icon';
import {Failure} from './State';

export function Deferred<P extends object>({label, load, props, icon = 'integrity'}: {label: string; icon?: IconName; load: () => Promise<ComponentType<P>>; props: P}): JSX.Element {
  const [Part, setPart] = useState<ComponentType<P>>();
  const [error, setError] = useState<ApiError>();
  if (Part) return <Part {...props} />;
  if (error) return <Failure error={error} />;
  return (
    <button type="button" class="button small" onClick={() => {
      load().then(part => setPart(() => part), (caught: unknown) => setError(asApiError(caught)));
    }}><Icon name={icon} size={16} /> {label}</button>
  );
}
