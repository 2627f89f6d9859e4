// Drives an org by jsforce, unmodified, and prints what each step answered: one JSON object, by step.
const jsforce = require("jsforce");

const { ORG_URL, CONSUMER_KEY, CONSUMER_SECRET, SESSION } = process.env;
const VERSION = "66.0";

const steps = {
  async session() {
    const conn = new jsforce.Connection({ instanceUrl: ORG_URL, accessToken: SESSION, version: VERSION });
    const { user_id, organization_id, username } = await conn.identity();
    return { user_id, organization_id, username };
  },
  async clientCredentials(state) {
    const oauth2 = { clientId: CONSUMER_KEY, clientSecret: CONSUMER_SECRET, loginUrl: ORG_URL };
    const conn = new jsforce.Connection({ oauth2, version: VERSION });
    const user = await conn.authorize({ grant_type: "client_credentials" });
    state.conn = conn;
    return { organizationId: user.organizationId, instanceUrl: conn.instanceUrl };
  },
  async describe({ conn }) {
    const described = await conn.describe("Contact");
    const everything = await conn.describeGlobal();
    const field = described.fields.find((each) => each.name === "AccountId");
    return {
      name: described.name,
      reference: [field.type, field.referenceTo, field.relationshipName],
      global: everything.sobjects.map((each) => each.name).includes("Contact"),
    };
  },
  async create(state) {
    const account = await state.conn.sobject("Account").create({ Name: "Acme" });
    const contact = { LastName: "Poe", Email: "poe@example.com", AccountId: account.id };
    const made = await state.conn.sobject("Contact").create(contact);
    Object.assign(state, { account: account.id, contact: made.id });
    return [account.success, made.success, made.errors];
  },
  async retrieve({ conn, contact, account }) {
    const record = await conn.sobject("Contact").retrieve(contact);
    return [record.LastName, record.AccountId === account, record.attributes.type];
  },
  async query({ conn, contact }) {
    const result = await conn.query(`SELECT Id, LastName, Account.Name FROM Contact WHERE Id = '${contact}'`);
    const [record] = result.records;
    const found = await conn.sobject("Contact").find({ Email: "poe@example.com" }, { LastName: 1 }).limit(5);
    const none = await conn.sobject("Contact").findOne({ LastName: "Nobody" });
    return [result.totalSize, result.done, record.LastName, record.Account.Name, found.length, none];
  },
  async update({ conn, contact }) {
    const answer = await conn.sobject("Contact").update({ Id: contact, Phone: "1" });
    const record = await conn.sobject("Contact").retrieve(contact);
    return [answer.success, answer.id === contact, record.Phone];
  },
  async upsert({ conn }) {
    const upsert = (Name) => conn.sobject("Invoice__c").upsert({ Number__c: "I-1", Name }, "Number__c");
    const [first, second] = [await upsert("one"), await upsert("two")];
    const found = await conn.query("SELECT Name FROM Invoice__c");
    return [first.created, second.created, found.records.map((each) => each.Name)];
  },
  async collections(state) {
    const sobject = state.conn.sobject("Contact");
    const made = await sobject.create([{ LastName: "a" }, { FirstName: "without a name" }, { LastName: "c" }]);
    const ids = made.filter((each) => each.success).map((each) => each.id);
    const updated = await sobject.update(ids.map((Id) => ({ Id, Phone: "2" })));
    const read = await sobject.retrieve(ids);
    const upserted = await state.conn
      .sobject("Invoice__c")
      .upsert([{ Number__c: "I-1", Name: "three" }, { Number__c: "I-2", Name: "new" }], "Number__c");
    const deleted = await sobject.destroy(ids);
    return {
      made: made.map((each) => each.success),
      code: made[1].errors[0].statusCode,
      updated: updated.map((each) => each.success),
      read: read.map((each) => each.Phone),
      upserted: upserted.map((each) => each.created),
      deleted: deleted.map((each) => each.success),
    };
  },
  async composite({ conn, contact, account }) {
    const base = `/services/data/v${VERSION}/sobjects/Contact`;
    const body = {
      allOrNone: false,
      compositeRequest: [
        { method: "POST", url: base, referenceId: "made", body: { LastName: "composite", AccountId: account } },
        { method: "GET", url: `${base}/@{made.id}?fields=LastName`, referenceId: "read" },
        { method: "PATCH", url: `${base}/${contact}`, referenceId: "old", body: { Phone: "9" },
          httpHeaders: { "If-Unmodified-Since": "Tue, 10 Aug 2010 00:00:00 GMT" } },
      ],
    };
    const answer = await conn.requestPost(`/services/data/v${VERSION}/composite`, body);
    const parts = answer.compositeResponse;
    return [parts.map((each) => each.httpStatusCode), parts[1].body.LastName];
  },
  async bulkIngest({ conn }) {
    conn.bulk2.pollInterval = 50;
    const input = Array.from({ length: 250 }, (_, number) => ({ LastName: `Bulk ${number}`, Phone: "1" }));
    input.push({ LastName: "", Phone: "1" });
    const made = await conn.bulk2.loadAndWaitForResults({ object: "Contact", operation: "insert", input });
    return {
      counts: [made.successfulResults.length, made.failedResults.length, made.unprocessedRecords.length],
      created: made.successfulResults[0].sf__Created,
      error: made.failedResults[0].sf__Error.split(":")[0],
    };
  },
  async bulkQuery({ conn }) {
    const stream = await conn.bulk2.query("SELECT Id, LastName FROM Contact WHERE LastName LIKE 'Bulk %'");
    const records = await stream.toArray();
    return [records.length, Object.keys(records[0]).sort(), records[0].Id.length];
  },
  async replication({ conn, contact }) {
    const now = Date.now();
    const span = [new Date(now - 3600000).toISOString(), new Date(now + 120000).toISOString()];
    const updated = await conn.sobject("Contact").updated(...span);
    const deleted = await conn.sobject("Contact").deleted(...span);
    return [updated.ids.includes(contact), typeof updated.latestDateCovered, deleted.deletedRecords.length];
  },
  async delete({ conn, contact }) {
    const answer = await conn.sobject("Contact").destroy(contact);
    const all = await conn.query(`SELECT IsDeleted FROM Contact WHERE Id = '${contact}'`, { scanAll: true });
    return [answer.success, all.records.map((each) => each.IsDeleted)];
  },
  async errors({ conn, contact }) {
    const told = async (call) => {
      try {
        await call();
        return "none";
      } catch (error) {
        return error.errorCode;
      }
    };
    const stale = new jsforce.Connection({ instanceUrl: ORG_URL, accessToken: "expired", version: VERSION });
    return [
      await told(() => conn.sobject("Contact").retrieve(contact)),
      await told(() => conn.sobject("Contact").create({ FirstName: "x" })),
      await told(() => conn.sobject("Contact").create({ LastName: "x", Nope__c: 1 })),
      await told(() => conn.query("SELECT Nope FROM Contact")),
      await told(() => stale.query("SELECT Id FROM Contact")),
    ];
  },
  async limits({ conn }) {
    const limits = await conn.limits();
    return [Object.keys(limits.DailyApiRequests).sort(), conn.limitInfo.apiUsage.limit];
  },
};

(async () => {
  const state = {};
  const told = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      told[name] = await step(state);
    } catch (error) {
      told[name] = `${error.name}: ${error.errorCode ?? ""} ${error.message}`;
    }
  }
  process.stdout.write(JSON.stringify(told));
})();
