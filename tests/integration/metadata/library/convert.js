// Takes a package's folder as `sf project deploy start` does: resolves its components, by the project and by the manifest,
// and converts them to the format that is sent to an org. Prints what was found.
const path = require("node:path");
const { ComponentSet, MetadataConverter } = require("@salesforce/source-deploy-retrieve");

async function main(folder, output) {
  const source = path.join(folder, "force-app");
  const manifestPath = path.join(folder, "manifest", "package.xml");
  const bySource = ComponentSet.fromSource(source);
  bySource.projectDirectory = folder;
  const byManifest = await ComponentSet.fromManifest({ manifestPath, resolveSourcePaths: [source] });
  const to = { type: "directory", outputDirectory: output, genUniqueDir: false };
  await new MetadataConverter().convert(bySource, "metadata", to);
  const named = (set) => set.getSourceComponents().toArray().map((each) => `${each.type.name}:${each.fullName}`);
  const files = bySource.getSourceComponents().toArray().flatMap((each) => [each.xml, ...each.walkContent()]);
  const { types } = (await bySource.getObject()).Package;
  console.log(JSON.stringify({ source: named(bySource), manifest: named(byManifest), files, types }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
