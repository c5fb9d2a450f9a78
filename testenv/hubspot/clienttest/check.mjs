// Drives HubSpot's own client through the simulator. Arguments: the account's
// base URL, its token, its webhook secret. Exits 0 when everything agrees.
import assert from 'node:assert/strict'
import http from 'node:http'
import { Client, Signature } from '@hubspot/api-client'

const [basePath, accessToken, clientSecret] = process.argv.slice(2)
const client = new Client({ basePath, accessToken, numberOfApiCallRetries: 0 })
const { contacts, companies, deals, properties, owners, pipelines, associations } = client.crm

/** refused expects a call to fail, and returns the status and the body. */
async function refused(call) {
  try {
    await call
  } catch (err) {
    return { code: err.code, body: err.body }
  }
  assert.fail('the call was not refused')
}

/** receive listens for webhooks and hands each POST to the signature check of the client. */
async function receive() {
  const state = { events: [], posts: 0, signed: 0, waiting: [] }
  const server = http.createServer((req, res) => {
    let requestBody = ''
    req.on('data', (chunk) => (requestBody += chunk))
    req.on('end', () => {
      const valid = (signatureVersion, signature) =>
        Signature.isValid({
          signatureVersion, signature, clientSecret, requestBody, method: req.method, url: state.url,
          timestamp: Number(req.headers['x-hubspot-request-timestamp']),
        })
      if (valid('v3', req.headers['x-hubspot-signature-v3']) && valid('v1', req.headers['x-hubspot-signature'])) state.signed++
      state.posts++
      state.events.push(...JSON.parse(requestBody))
      res.writeHead(204).end()
      state.waiting.splice(0).forEach((wake) => wake())
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  state.url = `http://127.0.0.1:${server.address().port}/hubspot/events?tenant=a`
  state.until = async (condition) => {
    while (!condition()) await new Promise((wake) => state.waiting.push(wake))
  }
  state.close = () => server.close()
  return state
}

const hook = await receive()
const directed = await fetch(`${basePath}/_control/webhooks`, { method: 'PUT', body: JSON.stringify({ url: hook.url }) })
assert.equal(directed.status, 200)

// Metadata.
const described = await properties.coreApi.getAll('contacts')
assert.equal(described.results.find((p) => p.name === 'email').hasUniqueValue, true)
assert.equal(described.results.find((p) => p.name === 'hubspotscore').modificationMetadata.readOnlyValue, true)
const tier = await properties.coreApi.create('contacts', {
  name: 'plan_tier', label: 'Plan', type: 'enumeration', fieldType: 'select', groupName: 'contactinformation',
  options: [{ label: 'Free', value: 'F', hidden: false, displayOrder: 0 }, { label: 'Pro', value: 'P', hidden: false, displayOrder: 1 }],
})
assert.equal(tier.options[1].value, 'P')
assert.equal((await properties.coreApi.getByName('contacts', 'plan_tier')).type, 'enumeration')
assert.ok((await owners.ownersApi.getPage()).results.length > 0)
assert.ok((await pipelines.pipelinesApi.getAll('deals')).results[0].stages.length > 3)

// One record.
const ada = await contacts.basicApi.create({ properties: { email: 'Ada@Example.com', firstname: 'Ada', plan_tier: 'F' } })
assert.equal(ada.properties.email, 'ada@example.com')
assert.ok(ada.createdAt instanceof Date && ada.updatedAt instanceof Date)
const patched = await contacts.basicApi.update(ada.id, { properties: { firstname: '', plan_tier: 'P' } })
assert.equal(patched.properties.plan_tier, 'P')
const read = await contacts.basicApi.getById('ada@example.com', ['firstname', 'plan_tier'], ['plan_tier'], undefined, false, 'email')
assert.equal(read.id, ada.id)
assert.equal(read.properties.firstname, null)
assert.deepEqual(read.propertiesWithHistory.plan_tier.map((v) => v.value), ['P', 'F'])
assert.equal(read.propertiesWithHistory.plan_tier[0].sourceType, 'INTEGRATION')

// Refusals.
const conflict = await refused(contacts.basicApi.create({ properties: { email: 'ada@example.com' } }))
assert.equal(conflict.code, 409)
assert.equal(conflict.body.message, `Contact already exists. Existing ID: ${ada.id}`)
const bad = await refused(contacts.basicApi.update(ada.id, { properties: { plan_tier: 'X' } }))
assert.equal(bad.code, 400)
assert.match(bad.body.message, /INVALID_OPTION/)
assert.equal((await refused(contacts.basicApi.getById('12'))).code, 404)
const stranger = new Client({ basePath, accessToken: 'wrong', numberOfApiCallRetries: 0 })
assert.equal((await refused(stranger.crm.contacts.basicApi.getPage())).code, 401)

// Batches.
const made = await contacts.batchApi.create({
  inputs: [1, 2, 3].map((n) => ({ properties: { email: `p${n}@example.com` }, associations: [], objectWriteTraceId: `t${n}` })),
})
assert.equal(made.results.length, 3)
const partial = await contacts.batchApi.update({
  inputs: [
    { id: made.results[0].id, properties: { city: 'Rome' }, objectWriteTraceId: 'u1' },
    { id: '12', properties: { city: 'Rome' }, objectWriteTraceId: 'u2' },
  ],
})
assert.equal(partial.numErrors, 1)
assert.deepEqual(partial.errors[0].context.objectWriteTraceId, ['u2'])
const upserted = await contacts.batchApi.upsert({
  inputs: [
    { id: 'p1@example.com', idProperty: 'email', properties: { city: 'Oslo' } },
    { id: 'p4@example.com', idProperty: 'email', properties: { city: 'Oslo' } },
  ],
})
assert.deepEqual(upserted.results.map((r) => r._new), [false, true])
const batch = await contacts.batchApi.read({ properties: ['city'], propertiesWithHistory: [], inputs: upserted.results.map(({ id }) => ({ id })) })
assert.deepEqual(batch.results.map((r) => r.properties.city), ['Oslo', 'Oslo'])
await contacts.batchApi.archive({ inputs: [{ id: made.results[2].id }] })
assert.equal((await contacts.basicApi.getPage(10, undefined, undefined, undefined, undefined, true)).results[0].id, made.results[2].id)

// Lists and searches.
const all = await contacts.getAll(2)
assert.equal(all.length, 4)
const since = await contacts.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: 'lastmodifieddate', operator: 'GTE', value: String(ada.createdAt.getTime()) }] }],
  sorts: ['-hs_object_id'], properties: ['email'], limit: 2, after: '0',
})
assert.equal(since.total, 4)
assert.equal(since.results[0].properties.email, 'p4@example.com')
assert.equal(since.paging.next.after, '2')

// Associations and merges.
const company = await companies.basicApi.create({ properties: { name: 'Acme', domain: 'acme.example' }, associations: [] })
const deal = await deals.basicApi.create({
  properties: { dealname: 'Big', dealstage: 'closedwon', closedate: '1723741753648' },
  associations: [{ to: { id: company.id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }] }],
})
assert.equal(deal.properties.closedate, '2024-08-15T17:09:13.648Z')
await associations.v4.basicApi.createDefault('deals', deal.id, 'contacts', ada.id)
const linked = await associations.v4.basicApi.getPage('deals', deal.id, 'contacts')
assert.equal(String(linked.results[0].toObjectId), ada.id)
const withCompany = await deals.basicApi.getById(deal.id, undefined, undefined, ['companies'])
assert.equal(withCompany.associations.companies.results[0].id, company.id)
const merged = await contacts.basicApi.merge({ primaryObjectId: ada.id, objectIdToMerge: made.results[1].id })
assert.equal(merged.id, ada.id)
assert.equal((await contacts.basicApi.getById(made.results[1].id)).id, ada.id)
await contacts.basicApi.archive(ada.id)
await contacts.basicApi.archive(ada.id)

// Webhooks, judged by the client's own signature check.
await hook.until(() => hook.events.some((e) => e.subscriptionType === 'contact.deletion' && String(e.objectId) === ada.id))
const change = hook.events.find((e) => e.subscriptionType === 'contact.propertyChange' && e.propertyName === 'plan_tier' && e.propertyValue === 'P')
assert.equal(change.changeSource, 'INTEGRATION')
assert.equal(change.sourceId, String(change.appId))
assert.equal(hook.signed, hook.posts)
await fetch(`${basePath}/_control/webhooks`, { method: 'PUT', body: JSON.stringify({ url: '' }) })
hook.close()
