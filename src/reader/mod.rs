//! Rows as they stand in the file: encoding, delimiter, structure, columns, line numbers.
