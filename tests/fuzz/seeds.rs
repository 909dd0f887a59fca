//! Writes the seeds of all targets, and the regression files among them: `seeds OUT [FOLDER OF CAPTURES]`.

#[path = "../hostile/mod.rs"]
mod hostile;

use std::path::{Path, PathBuf};
use std::{env, fs};

use hostile::{TARGETS, seeds};

fn main() -> std::io::Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let out = arguments.first().expect("a folder to write to");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (target, _) in TARGETS {
        let folder = out.join(target);
        fs::create_dir_all(&folder)?;
        let mut all = seeds::of(&root, arguments.get(1).map(PathBuf::as_path), target);
        all.extend(seeds::found(&root, target));
        for (number, seed) in all.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:05}")), seed)?;
        }
        println!("{target}: {} seeds", all.len());
    }
    Ok(())
}
