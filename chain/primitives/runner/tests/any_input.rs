//! The crates answer anything without a panic: vectors of odd lengths, unknown uids, extreme numbers.

use economy::{Earner, LONGEST_REVEAL_PERIOD, Lock, Parent, Pool, Pots, SharePool, StakeHistory, SubnetCandidate};
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

    fn wide(&mut self) -> u128 {
        let wide = u128::from(self.extreme()) << 64 | u128::from(self.extreme());
        [wide, wide >> 64, u128::MAX, 1 << 64][self.below(4) as usize]
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
            weights_at: self.list(Self::extreme),
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

#[test]
fn transcendentals_of_anything_end() {
    let mut numbers = Numbers(4);
    for _ in 0..20_000 {
        let (a, b, c, d) = (numbers.wide(), numbers.wide(), numbers.wide(), numbers.wide());
        economy::power(a, b, c, d);
        economy::ln(a, b);
        economy::exp_up(c);
        assert!(economy::exp_down(d) <= economy::ONE_Q120);
        let x = economy::I64F64::from_bits(a as i128);
        assert!(economy::exp_i64f64(x) <= economy::I64F64::from_num(1));
    }
}

#[test]
fn shares_of_anything_end_and_split_what_there_is() {
    let mut numbers = Numbers(5);
    for _ in 0..20_000 {
        let (prices, burned) = (numbers.list(Numbers::wide), numbers.list(Numbers::wide));
        let enabled = numbers.list(|n| n.below(2) == 0);
        let (bar, exponent, amount) = (numbers.wide(), numbers.wide(), numbers.extreme());
        economy::emission_bar(&prices, numbers.extreme() as u16, exponent);
        economy::gated(&prices, bar, exponent);
        let shares = economy::emission_shares(&prices, &burned, &enabled, bar, exponent);
        let split = economy::split_by_shares(amount, &shares);
        let given = split.iter().map(|part| u128::from(*part)).sum::<u128>();
        assert_eq!(given, if shares.iter().any(|share| *share > 0) { u128::from(amount) } else { 0 });
        economy::split_by_shares(amount, &prices);
        economy::moving_price(bar, exponent, numbers.wide(), amount, numbers.extreme());
        let flows = prices.iter().map(|bits| *bits as i128).collect::<Vec<_>>();
        let costs = burned.iter().map(|bits| *bits as i128).collect::<Vec<_>>();
        economy::net_flows(&flows, &costs);
        economy::shares_by_flow(&flows, bar as i128, exponent);
        economy::moving_flow(bar as i128, amount as i64, numbers.extreme());
    }
}

#[test]
fn trades_on_anything_end_and_keep_what_there_is() {
    let mut numbers = Numbers(6);
    for _ in 0..20_000 {
        let pool = Pool { tao: numbers.extreme(), alpha: numbers.extreme(), quote_weight: numbers.extreme() };
        let usual = Pool { quote_weight: economy::WEIGHT >> numbers.below(6), ..pool };
        for pool in [pool, usual] {
            let (amount, other) = (numbers.extreme(), numbers.extreme());
            let (limit, rate) = (numbers.wide(), numbers.extreme() as u16);
            if let Ok(trade) = economy::buy(&pool, amount, limit, rate) {
                assert!(trade.paid.checked_add(trade.fee).is_some_and(|spent| spent <= amount));
                assert_eq!(trade.pool.tao - pool.tao, trade.paid);
                assert_eq!(pool.alpha - trade.pool.alpha, trade.received);
            }
            if let Ok(trade) = economy::sell(&pool, amount, limit, rate) {
                assert!(trade.paid.checked_add(trade.fee).is_some_and(|spent| spent <= amount));
                assert_eq!(trade.pool.alpha - pool.alpha, trade.paid);
                assert_eq!(pool.tao - trade.pool.tao, trade.received);
            }
            economy::inject(&pool, amount, other);
            economy::alpha_needed(&pool, amount);
            economy::tao_to_price(&pool, limit);
            economy::alpha_to_price(&pool, limit);
            economy::fee_on_top(amount, rate);
            let root = [limit, economy::root_proportion(amount, other, pool.tao)][numbers.below(2) as usize];
            let brought = economy::block_injection(amount, other, economy::price(&pool), root);
            assert!(brought.excess_tao <= amount);
            let after = economy::bring(&pool, &brought);
            assert!(after.tao_left <= amount && after.alpha_issued <= brought.alpha);
            let split = economy::split_alpha(amount, rate, root);
            let parts = [split.owner, split.server, split.validator, split.root];
            assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), u128::from(amount));
            economy::initial_pool(amount, limit);
        }
    }
}

#[test]
fn delegations_of_anything_end_and_pay_what_there_is() {
    let mut numbers = Numbers(7);
    for _ in 0..20_000 {
        let (pot, own, weight) = (numbers.extreme(), numbers.extreme(), numbers.extreme());
        let given = numbers.list(Numbers::extreme);
        let received = numbers.list(|n| (n.extreme(), n.extreme()));
        economy::inherited_stake(own, &given, &received);
        economy::own_contribution(own, pot, &given, weight);
        let parents = numbers.list(|n| Parent {
            alpha: n.extreme(),
            tao: n.extreme(),
            proportion: n.extreme(),
            same_owner: n.below(2) == 0,
        });
        let split = economy::child_dividends(pot, own, &parents, weight as u16, own, weight);
        let paid = split.parents.iter().fold(split.burned, |sum, part| sum.saturating_add(*part));
        assert_eq!(u128::from(split.own) + u128::from(paid), u128::from(pot));
        let earners = numbers.list(|n| Earner {
            dividends: n.extreme(),
            alpha: n.extreme(),
            tao: n.extreme(),
            take: n.extreme() as u16,
        });
        for (pot, payout) in
            [pot, own].into_iter().zip(<[_; 2]>::from(economy::pay_validators(pot, own, &earners, weight)))
        {
            let paid = payout.take.iter().chain(&payout.dividends).map(|part| u128::from(*part)).sum::<u128>();
            assert_eq!(paid + u128::from(payout.left), u128::from(pot));
        }
    }
}

#[test]
fn subnets_and_locks_of_anything_end() {
    let mut numbers = Numbers(8);
    for _ in 0..20_000 {
        let (pot, holdings) = (numbers.extreme(), numbers.list(Numbers::extreme));
        let paid = economy::pay_holders(pot, &holdings).iter().map(|part| u128::from(*part)).sum::<u128>();
        assert_eq!(paid, if holdings.iter().any(|held| *held > 0) { u128::from(pot) } else { 0 });
        assert!(economy::owner_refund(pot, numbers.extreme(), numbers.extreme() as u16, numbers.wide()) <= pot);
        let prices = numbers.list(Numbers::wide);
        economy::median_price(&prices);
        economy::root_is_paid(&prices);
        let candidates = numbers.list(|n| SubnetCandidate {
            netuid: n.below(9) as u16,
            price: n.wide(),
            registered_at: n.extreme(),
            immune: n.below(2) == 0,
        });
        economy::subnet_to_prune(&candidates);
        let mut lock = || Lock { mass: numbers.extreme(), conviction: numbers.wide(), block: numbers.extreme() };
        let (lock, other) = (lock(), lock());
        let (block, unlock, maturity) = (numbers.extreme(), numbers.extreme(), numbers.extreme());
        let after = economy::rolled(&lock, block, unlock, maturity, numbers.below(2) == 0, numbers.below(2) == 0);
        assert!(after.mass <= lock.mass);
        assert!(economy::reduced(&lock, pot).conviction <= lock.conviction);
        economy::merged(&lock, &other);
        economy::new_owner(&prices, block, pot);
    }
}
