// What numbers stand for (display.labels of the configuration), as far as the reader may know: now, or in an entry.
import type {Me} from './types';

let labels: NonNullable<Me['labels']> = {}, labelsBefore: NonNullable<Me['labels_before']> = {}, tenants: NonNullable<Me['tenants']> = {};

export function setLabels(me: Pick<Me, 'labels' | 'labels_before' | 'tenants'>): void {
  labels = me.labels ?? {};
  labelsBefore = me.labels_before ?? {};
  tenants = me.tenants ?? {};
}

const own = <T>(of: {[name: string]: T}, name: string): T | undefined => (Object.hasOwn(of, name) ? of[name] : undefined);

export function labelOfValue(column: string, value: string, seq?: number): string | undefined {
  const then = seq === undefined ? undefined : own(own(labelsBefore, column) ?? {}, value)?.filter(each => each.until > seq).at(-1);
  return then?.label ?? own(own(labels, column) ?? {}, value);
}

// "Aarogya Mitra (2)", or the number alone.
export function tenantLabel(tenant: string): string {
  const name = own(tenants, tenant);
  return name === undefined ? tenant : `${name} (${tenant})`;
}

// The name, or the number.
export function tenantName(tenant: string): string {
  return own(tenants, tenant) ?? tenant;
}
