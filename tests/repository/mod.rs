//! The captures of the repository.

use std::path::{Path, PathBuf};

/// All captures of testdata.
pub fn captures() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in folder.read_dir().expect("testdata").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path
                .extension()
                .is_some_and(|ext| ext == "pcap" || ext == "pcapng")
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"),
        &mut found,
    );
    found.sort();
    assert!(found.len() > 100, "{} captures", found.len());
    found
}
