// The search: a combobox after the ARIA Authoring Practices (list autocomplete), chips for its parts, errors at their place.
import type {JSX} from 'preact';
import {useEffect, useId, useRef, useState} from 'preact/hooks';
import {address, getJson, type Problem} from '../base/api';
import type {Entry} from '../base/types';
import {SafeText} from '../entries/Value';
import {formatNumber, t} from '../i18n';
import {Icon} from '../widgets/Icon';
import {complete, wordAt, type Suggestion} from './completion';
import {fromBytes, isPlain, namesHousekeeping, termsOf, withoutTerm} from './terms';

const CHECK_AFTER_MS = 350, SUGGEST_AFTER_MS = 90;

export interface SearchFieldProps {
  q: string;
  seen: Entry[]; // on the page: their values are offered
  problem: Problem | undefined; // of the search that was sent
  all: boolean; // housekeeping is shown
  onAll: (all: boolean) => void;
  onSearch: (q: string) => void;
}

type SearchError = Pick<Problem, 'message' | 'position' | 'length' | 'suggestion'>;

function isSearchProblem(problem: Problem | undefined): problem is Problem {
  return problem?.type === '/problems/search' && problem.position !== undefined;
}

// "tennant:1" with what is wrong marked, and what was probably meant as a button.
function SearchProblem({text, problem, onFix}: {text: string; problem: SearchError; onFix: (text: string) => void}): JSX.Element {
  const start = fromBytes(text, problem.position ?? 0);
  const end = fromBytes(text, (problem.position ?? 0) + (problem.length ?? 0));
  const wrong = text.slice(start, end);
  return (
    <div class="search-problem">
      <p><Icon name="warning" size={16} /> {t('search.problem', {position: formatNumber(start + 1)})}{' '}<SafeText text={problem.message ?? ''} /></p>
      <p class="search-echo"><code><SafeText text={text.slice(0, start)} /><mark>{wrong === '' ? '\u2038' : <SafeText text={wrong} />}</mark><SafeText text={text.slice(end)} /></code></p>
      {problem.suggestion &&
        <button type="button" class="button small" onClick={() => {
          const keepColon = wrong.endsWith(':') && !problem.suggestion!.endsWith(':') ? ':' : '';
          onFix(text.slice(0, start) + problem.suggestion! + keepColon + text.slice(end));
        }}>{t('search.did_you_mean', {text: problem.suggestion})}</button>}
    </div>
  );
}

export function SearchField({q, seen, problem, all, onAll, onSearch}: SearchFieldProps): JSX.Element {
  const [text, setText] = useState(q);
  const [found, setFound] = useState<Suggestion[]>([]);
  const [chosen, setChosen] = useState(-1);
  const [open, setOpen] = useState(false);
  const [typedProblem, setTypedProblem] = useState<{text: string; problem: SearchError}>();
  const input = useRef<HTMLInputElement>(null);
  const turn = useRef(0);
  const id = useId();

  useEffect(() => setText(q), [q]);
  useEffect(() => {
    setTypedProblem(undefined);
    if (text.trim() === '' || text === q) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      getJson<{valid: boolean; error?: SearchError}>(address('/v1/query/parse', {q: text}), controller.signal).then(
        ({error}) => setTypedProblem(error && {text, problem: error}),
        () => undefined); // the search itself tells
    }, CHECK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, q]);

  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const suggest = (value: string, caret: number): void => {
    const mine = ++turn.current;
    clearTimeout(timer.current);
    void complete(wordAt(value, caret).word, seen).then(list => {
      if (mine !== turn.current) return;
      setFound(list);
      setChosen(-1);
      setOpen(list.length > 0);
    });
  };
  // While one types, nothing is looked up between the keys.
  const suggestSoon = (value: string, caret: number): void => {
    ++turn.current;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => suggest(value, caret), SUGGEST_AFTER_MS);
  };
  const hide = (): void => {
    ++turn.current;
    clearTimeout(timer.current);
    setOpen(false);
    setChosen(-1);
  };
  const take = (suggestion: Suggestion): void => {
    const caret = input.current?.selectionStart ?? text.length;
    const {start} = wordAt(text, caret);
    const next = text.slice(0, start) + suggestion.insert + (suggestion.whole ? ' ' : '') + text.slice(caret).trimStart();
    const at = start + suggestion.insert.length + (suggestion.whole ? 1 : 0);
    setText(next);
    queueMicrotask(() => {
      input.current?.focus();
      input.current?.setSelectionRange(at, at);
      if (suggestion.whole) hide();
      else suggest(next, at);
    });
  };
  const submit = (value: string): void => {
    hide();
    setText(value);
    onSearch(value.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      if (open) event.stopPropagation();
      hide();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) return suggest(text, input.current?.selectionStart ?? text.length);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setChosen((chosen + step + found.length + 1) % (found.length + 1) === found.length ? -1 : (chosen + step + found.length + 1) % (found.length + 1));
    } else if ((event.key === 'Enter' || event.key === 'Tab') && open && chosen >= 0) {
      event.preventDefault();
      take(found[chosen]!);
    }
  };

  const shownProblem = typedProblem?.text === text ? typedProblem : text === q && isSearchProblem(problem) ? {text: q, problem} : undefined;
  return (
    <div class="search">
      <form role="search" class="search-form" onSubmit={event => {
        event.preventDefault();
        submit(text);
      }}>
        <span class="search-icon"><Icon name="search" /></span>
        <input ref={input} id={`${id}-input`} data-search type="text" role="combobox" value={text} spellcheck={false} autocomplete="off" autocapitalize="off"
               placeholder={t('search.placeholder')} aria-label={t('search.label')} aria-expanded={open} aria-controls={`${id}-list`} aria-autocomplete="list"
               aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined} aria-invalid={shownProblem !== undefined}
               aria-describedby={shownProblem ? `${id}-problem` : undefined}
               onInput={event => {
                 setText(event.currentTarget.value);
                 setChosen(-1);
                 suggestSoon(event.currentTarget.value, event.currentTarget.selectionStart ?? event.currentTarget.value.length);
               }}
               onKeyDown={onKeyDown} onBlur={hide}
               onClick={event => { if (!open) suggest(text, event.currentTarget.selectionStart ?? text.length); }} />
        {text === '' && <kbd class="search-hint" aria-hidden="true">/</kbd>}
        {text !== '' && <button type="button" class="icon-button" aria-label={t('search.clear')} onClick={() => { submit(''); input.current?.focus(); }}><Icon name="close" size={18} /></button>}
        <button type="submit" class="button primary search-go">{t('search.go')}</button>
        <ul id={`${id}-list`} role="listbox" aria-label={t('search.suggestions')} class="suggestions" hidden={!open}>
          {found.map((suggestion, i) => (
            <li key={suggestion.insert} id={`${id}-${i}`} role="option" aria-selected={i === chosen}
                onPointerDown={event => event.preventDefault()} onClick={() => take(suggestion)}>
              <span class="suggestion-label"><SafeText text={suggestion.label} /></span><span class="suggestion-hint"><SafeText text={suggestion.hint} /></span>
            </li>
          ))}
        </ul>
      </form>
      <div id={`${id}-problem`} aria-live="polite">
        {shownProblem && <SearchProblem text={shownProblem.text} problem={shownProblem.problem} onFix={submit} />}
      </div>
      <Chips q={q} all={all} onAll={onAll} onSearch={submit} />
    </div>
  );
}

function Chips({q, all, onAll, onSearch}: Pick<SearchFieldProps, 'q' | 'all' | 'onAll' | 'onSearch'>): JSX.Element {
  const terms = isPlain(q) ? termsOf(q) : [{text: q, start: 0, end: q.length, negated: false, values: q}];
  return (
    <ul class="chips" aria-label={t('search.chips')}>
      {terms.map((term, i) => (
          <li key={i} class={`chip ${term.negated ? 'not' : ''}`}>
            <span><SafeText text={term.text} /></span>
            <button type="button" aria-label={t('search.remove', {text: term.text})} onClick={() => onSearch(withoutTerm(q, term))}><Icon name="close" size={14} /></button>
          </li>
      ))}
      {!namesHousekeeping(q) && (
        <li class={`chip implied ${all ? 'off' : ''}`}>
          <span>{t(all ? 'search.housekeeping_shown' : 'search.housekeeping_hidden')}</span>
          <button type="button" aria-label={t(all ? 'search.hide_housekeeping' : 'search.show_housekeeping')} onClick={() => onAll(!all)}><Icon name="close" size={14} /></button>
        </li>)}
      {q !== '' && <li><button type="button" class="inline" onClick={() => onSearch('')}>{t('search.clear_all')}</button></li>}
    </ul>
  );
}
