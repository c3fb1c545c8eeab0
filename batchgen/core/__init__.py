"""The values that every room speaks in: requests, attempts, answers, costs, errors. Imports no other room."""
