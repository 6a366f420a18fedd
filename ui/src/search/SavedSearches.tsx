// Searches worth keeping. A search is an address: what is kept here is its name, in this browser; whoever gets the link
// sees the same under the same name.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {Link, searchPath} from '../base/router';
import {SafeText} from '../entries/Value';
import {t, type MessageKey} from '../i18n';
import {Icon} from '../widgets/Icon';
import {Popover} from '../widgets/Menu';

interface Saved {
  name: string;
  q: string;
}

const USUAL: {name: MessageKey; q: string}[] = [
  {name: 'saved.outside', q: 'via:sql'},
  {name: 'saved.consent', q: 'field:optin_status,optin_time,optout_time'},
  {name: 'saved.phone', q: 'field:phone'},
  {name: 'saved.deleted', q: 'table:contacts op:remove'},
  {name: 'saved.imports', q: 'via:import'},
  {name: 'saved.bulk', q: 'is:bulk'},
  {name: 'saved.unattributed', q: 'is:unattributed -is:housekeeping'},
  {name: 'saved.forged', q: 'is:forged'},
  {name: 'saved.gaps', q: 'kind:gap'},
  {name: 'saved.access', q: 'kind:access'},
];
const NAME = 'rowledger.searches';

function load(): Saved[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(NAME) ?? '[]');
    return Array.isArray(list) ? list.filter((each): each is Saved => typeof each?.name === 'string' && typeof each?.q === 'string') : [];
  } catch {
    return [];
  }
}

export function SavedSearches({q}: {q: string}): JSX.Element {
  const [saved, setSaved] = useState(load);
  const [name, setName] = useState('');
  const keep = (list: Saved[]): void => {
    setSaved(list);
    try {
      localStorage.setItem(NAME, JSON.stringify(list));
    } catch {
      // Nothing is kept in this browser; the address still has it.
    }
  };
  return (
    <Popover className="button small" align="end" label={<>{t('saved.title')} <Icon name="down" size={14} /></>}>
      {close => (
        <div class="saved">
          <ul class="choices">
            {saved.map(each => (
              <li key={each.name} class="with-remove">
                <Link to={searchPath(each.q, {name: each.name})} onFollow={close}><span><SafeText text={each.name} /></span></Link>
                <button type="button" class="icon-button" aria-label={t('saved.remove', {name: each.name})} onClick={() => keep(saved.filter(other => other !== each))}><Icon name="close" size={16} /></button>
              </li>
            ))}
            {USUAL.map(each => <li key={each.name}><Link to={searchPath(each.q, {name: t(each.name)})} onFollow={close}><span>{t(each.name)}</span></Link></li>)}
          </ul>
          {q !== '' && (
            <form class="row" onSubmit={event => {
              event.preventDefault();
              if (name.trim() === '') return;
              keep([...saved.filter(each => each.name !== name.trim()), {name: name.trim(), q}]);
              setName('');
            }}>
              <label class="grow"><span class="visually-hidden">{t('saved.name')}</span><input type="text" maxLength={80} placeholder={t('saved.name')} value={name} onInput={event => setName(event.currentTarget.value)} /></label>
              <button type="submit" class="button small">{t('saved.save')}</button>
            </form>)}
        </div>
      )}
    </Popover>
  );
}
