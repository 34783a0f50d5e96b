"""The resolvers of the GraphQL schema, by what they do; each module has a table `RESOLVERS`."""
