// What is indexed, and what of it is shown: the same when the index is made and when it is read.
export const OPTIONS = {
  fields: ["title", "text"],
  storeFields: ["title", "page", "address"],
  searchOptions: { prefix: true, fuzzy: 0.15, boost: { title: 4 }, combineWith: "AND" },
};
