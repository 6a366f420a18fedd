// What numbers stand for (display.labels of the configuration), as far as the reader may know.
import type {Me} from './types';

let labels: NonNullable<Me['labels']> = {}, tenants: NonNullable<Me['tenants']> = {};

export function setLabels(me: Pick<Me, 'labels' | 'tenants'>): void {
  labels = me.labels ?? {};
  tenants = me.tenants ?? {};
}

const own = <T>(of: {[name: string]: T}, name: string): T | undefined => (Object.hasOwn(of, name) ? of[name] : undefined);

export function labelOfValue(column: string, value: string): string | undefined {
  return own(own(labels, column) ?? {}, value);
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
