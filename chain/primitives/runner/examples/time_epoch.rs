//! Reads one `epoch` call from standard input, runs it for a second, prints the seconds each run took.

use runner::Call;
use std::{hint::black_box, io, time::Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Call::Epoch { input, params } = serde_json::from_reader(io::stdin())? else {
        return Err("this times epochs only".into());
    };
    let (begun, mut runs) = (Instant::now(), 0_u32);
    while begun.elapsed().as_secs() < 1 {
        black_box(yuma::epoch(black_box(&input), black_box(&params)));
        runs += 1;
    }
    println!("{}", begun.elapsed().as_secs_f64() / f64::from(runs));
    Ok(())
}
