"""Go: game records, the rules, and the feature planes of AlphaGo."""
