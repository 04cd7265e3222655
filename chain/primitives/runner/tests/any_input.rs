//! The crates answer anything without a panic: vectors of odd lengths, unknown uids, extreme numbers.

use economy::{LONGEST_REVEAL_PERIOD, Pots, SharePool, StakeHistory};
use yuma::{EpochInput, LiquidAlphaMode, Params, Row};

/// A generator of numbers that lie at the bounds more often than not (splitmix64 below).
struct Numbers(u64);

impl Numbers {
    fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound
    }

    fn extreme(&mut self) -> u64 {
        let candidates = [0, 1, u64::MAX, u64::MAX - 1, 1 << 32, self.any(), self.below(1_000)];
        candidates[self.below(7) as usize]
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(7)).map(|_| one(self)).collect()
    }

    fn row(&mut self) -> Row {
        let mut row = self.list(|n| (n.below(9) as u16, n.extreme() as u16));
        row.sort_unstable();
        row.dedup_by_key(|(uid, _)| *uid);
        row
    }

    fn input(&mut self) -> EpochInput {
        EpochInput {
            block: self.extreme(),
            last_step: self.extreme(),
            alpha_stake: self.list(|n| n.extreme() >> [0, 12][n.below(2) as usize]),
            tao_stake: self.list(Self::extreme),
            last_update: self.list(Self::extreme),
            registered_at: self.list(|n| n.below(3)),
            permits: self.list(|n| n.below(3) > 0),
            owner_uid: (self.below(2) == 0).then(|| self.below(9) as u16),
            oldest_commit_block: self.list(|n| (n.below(2) == 0).then(|| n.extreme())),
            weights: self.list(Self::row),
            bonds: self.list(Self::row),
            emission: self.extreme(),
            consensus: self.list(|n| n.extreme() as u16),
        }
    }

    fn params(&mut self) -> Params {
        Params {
            tempo: self.extreme() as u16,
            kappa: self.extreme() as u16,
            bonds_penalty: self.extreme() as u16,
            bonds_moving_average: self.extreme() >> [0, 44][self.below(2) as usize],
            yuma3: self.below(2) == 0,
            liquid_alpha: self.below(2) == 0,
            alpha_low: self.extreme() as u16,
            alpha_high: self.extreme() as u16,
            alpha_sigmoid_steepness: self.extreme() as i16,
            max_allowed_validators: self.extreme() as u16,
            activity_cutoff: self.extreme(),
            stake_threshold: self.extreme(),
            tao_weight: self.extreme(),
            commit_reveal: self.below(2) == 0,
            liquid_alpha_mode: [LiquidAlphaMode::Current, LiquidAlphaMode::Previous, LiquidAlphaMode::Auto]
                [self.below(3) as usize],
            absent_as_zero: self.below(2) == 0,
            deviation_cost: self.extreme() as u16,
        }
    }
}

#[test]
fn an_epoch_of_anything_ends_and_pays_what_it_has_at_most() {
    let mut numbers = Numbers(1);
    for _ in 0..20_000 {
        let (input, params) = (numbers.input(), numbers.params());
        let output = yuma::epoch(&input, &params);
        assert_eq!(output.permits.len(), input.alpha_stake.len());
        assert_eq!(output.bonds.len(), input.alpha_stake.len());
        let sum = |pay: &[u64]| pay.iter().map(|rao| u128::from(*rao)).sum::<u128>();
        // Stake beyond any supply saturates, and shares of a saturated sum exceed 1.
        let staked = sum(&input.alpha_stake) + sum(&input.tao_stake);
        let paid = sum(&output.server_emission) + sum(&output.validator_emission);
        if staked < 1 << 62 && params.bonds_moving_average <= 1_000_000 {
            assert!(paid <= u128::from(input.emission), "{paid} of {input:?} {params:?}");
        }
    }
}

#[test]
fn mechanisms_of_anything_combine() {
    let mut numbers = Numbers(4);
    for _ in 0..5_000 {
        let (input, params) = (numbers.input(), numbers.params());
        let split = (numbers.below(2) == 0).then(|| numbers.list(|n| n.extreme() as u16));
        let parts = yuma::split_emission(input.emission, numbers.below(9) as u8, split.as_deref());
        let outputs: Vec<_> = parts.iter().map(|_| yuma::epoch(&input, &params)).collect();
        yuma::combine_mechanisms(&outputs, &parts);
        economy::volatility(&input.consensus, &params.alpha_low.to_be_bytes().map(u16::from));
    }
}

#[test]
fn a_distribution_of_anything_ends() {
    let mut numbers = Numbers(2);
    for _ in 0..20_000 {
        let pots = Pots { owner: numbers.extreme(), server: numbers.extreme(), validator: numbers.extreme() };
        let server = numbers.list(Numbers::extreme);
        let validator = server.iter().map(|_| numbers.extreme()).collect::<Vec<_>>();
        let takes = numbers.list(|n| n.extreme() as u16);
        let paid = economy::distribute(&pots, &server, &validator, &takes, numbers.below(2) == 0);
        assert_eq!(paid.dividends.len(), validator.len());
        economy::split_by_price(pots.owner, &server);
        economy::split_block(pots.owner, takes.first().copied().unwrap_or(0));
        economy::block_emission(pots.owner);
    }
}

#[test]
fn share_pools_and_prices_of_anything_end() {
    let mut numbers = Numbers(3);
    for _ in 0..20_000 {
        let mut wide = || u128::from(numbers.extreme()) << 64 | u128::from(numbers.extreme());
        let (shares, held, multiplier) = (wide(), wide(), wide());
        let (value, amount) = (numbers.extreme(), numbers.extreme());
        let pool = SharePool { value, shares };
        assert!(pool.worth(held) <= value);
        pool.deposit(amount);
        pool.reward(amount);
        if let Some((after, left)) = pool.withdraw(amount, held) {
            assert!(after.value == value - amount && left <= held);
        }
        let (min, max) = (numbers.extreme(), numbers.extreme());
        economy::bump_price(value, multiplier, min, max);
        economy::decay_price(value, amount, min, max);
        economy::lock_cost(value, amount, min, max, numbers.extreme());
        economy::decay_factor(numbers.extreme() as u16);
        economy::next_epoch(value, numbers.extreme() as u16, amount);
        economy::epoch_is_due(value, numbers.extreme() as u16, amount, min);
        economy::reveal_window(value, amount, min);
        let history = StakeHistory { integral: held, since: amount };
        history.changed(value, max).average(value, min, amount);
        economy::average_volatility(value, amount);
        assert!((1..=LONGEST_REVEAL_PERIOD).contains(&economy::reveal_period(value, amount as u16)));
    }
}
